// Who is signed in. The token is in this variable and nowhere else: no storage and no address has it, so that no other
// page and nobody who finds the computer later can read it. What outlives a reload is a cookie of the service that no
// script can read.
import type { components } from '../api/schema';

export type User = components['schemas']['User'];

/** Why nobody is signed in, for the sign-in page. */
export type SignedOutReason = 'first' | 'left' | 'ended' | 'unknown';

export type Session =
  /** Somebody was signed in before the page was loaded; the service is asked whether they still are. */
  | { state: 'resuming' }
  | { state: 'out'; reason: SignedOutReason }
  | { state: 'in'; token: string; user: User; endsAt: number }
  /** The token has ended. The page stays, beneath the question for the password. */
  | { state: 'ended'; user: User };

// Not a secret: only that somebody has signed in and not out, so that it is worth asking for them.
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

/** The bearer token, as long as there is one. */
export function token(): string | undefined {
  return session.state === 'in' ? session.token : undefined;
}

/** Somebody has signed in, for so many seconds. */
export function begin(token: string, user: User, seconds: number): void {
  remember(true);
  change({ state: 'in', token, user, endsAt: Date.now() + seconds * 1_000 });
  // Browsers cut longer delays to nothing.
  timer = setTimeout(expire, Math.min(seconds * 1_000, 2 ** 31 - 1));
}

/** The token has ended or is not accepted any more. */
export function expire(): void {
  if (session.state === 'in') change({ state: 'ended', user: session.user });
}

/** Waits, if the session has ended, until the password was given again. */
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

/** Signs out. The token is forgotten; it ends by itself. */
export function leave(): void {
  remember(false);
  change({ state: 'out', reason: 'left' });
}

/** Nobody goes on after a reload. Where the service could not say so, it can be asked again. */
export function cancel(reason: 'ended' | 'unknown'): void {
  if (session.state !== 'resuming') return;
  if (reason === 'ended') remember(false);
  change({ state: 'out', reason });
}

/** Tells of somebody who signs out in another tab. */
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
    // Storage can be turned off; then a reload signs out.
  }
}
