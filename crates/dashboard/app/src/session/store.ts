// The signed-in user. The token is only in this variable, never in storage or in a URL, so that no other page and no
// later user of the computer can read it. A cookie that no script can read survives a reload.
import type { components } from '../api/schema';

export type User = components['schemas']['User'];

/** Why there is no session, for the sign-in page. */
export type SignedOutReason = 'first' | 'left' | 'ended' | 'unknown';

export type Session =
  /** A user was signed in before the reload. The service is asked whether the session is still valid. */
  | { state: 'resuming' }
  | { state: 'out'; reason: SignedOutReason }
  | { state: 'in'; token: string; user: User; endsAt: number }
  /** The token has expired. The page stays below the dialog that asks for the password. */
  | { state: 'ended'; user: User };

// Not a secret: it says only that a user is signed in, so that a reload asks the service for the session.
const SIGNED_IN = 'campus-backup.signed-in';

let session: Session = isRemembered() ? { state: 'resuming' } : { state: 'out', reason: 'first' };
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

export function current(): Session {
  return session;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The bearer token of a valid session. */
export function token(): string | undefined {
  return session.state === 'in' ? session.token : undefined;
}

/** Starts a session that expires after so many seconds. */
export function begin(token: string, user: User, seconds: number): void {
  remember(true);
  change({ state: 'in', token, user, endsAt: Date.now() + seconds * 1_000 });
  // Browsers run a longer timer at once.
  timer = setTimeout(expire, Math.min(seconds * 1_000, 2 ** 31 - 1));
}

/** The token has expired or was rejected. */
export function expire(): void {
  if (session.state === 'in') change({ state: 'ended', user: session.user });
}

/** If the session has ended, waits until the user has signed in again. */
export function untilSignedIn(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = () => {
      if (session.state === 'ended' && !signal.aborted) return;
      listeners.delete(check);
      signal.removeEventListener('abort', check);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    listeners.add(check);
    signal.addEventListener('abort', check);
    check();
  });
}

/** Signs out and forgets the token. The token expires by itself. */
export function leave(): void {
  remember(false);
  change({ state: 'out', reason: 'left' });
}

/** The session does not continue after a reload. If the service did not answer, it can be asked again. */
export function cancel(reason: 'ended' | 'unknown'): void {
  if (session.state !== 'resuming') return;
  if (reason === 'ended') remember(false);
  change({ state: 'out', reason });
}

/** Calls the listener when the user signs out in another tab. */
export function onSignOutElsewhere(listener: () => void): void {
  addEventListener('storage', ({ key, newValue }) => {
    if (key === SIGNED_IN && newValue === null) listener();
  });
}

function change(next: Session): void {
  clearTimeout(timer);
  session = next;
  for (const listener of listeners) listener();
}

function isRemembered(): boolean {
  try {
    return localStorage.getItem(SIGNED_IN) !== null;
  } catch {
    return false;
  }
}

function remember(here: boolean): void {
  try {
    if (here) localStorage.setItem(SIGNED_IN, 'yes');
    else localStorage.removeItem(SIGNED_IN);
  } catch {
    // If storage is disabled, a reload signs out.
  }
}
