// Who is signed in. The token is in this variable and nowhere else: no storage, no cookie, no address has it, so
// that no other page and nobody who finds the computer later can read it. The price is that a reload signs out, which
// the sign-in page then says.
import type { components } from '../api/schema';

export type User = components['schemas']['User'];

/** Why nobody is signed in, for the sign-in page. */
export type Reason = 'first' | 'left' | 'reloaded';

export type Session =
  | { state: 'out'; reason: Reason }
  | { state: 'in'; token: string; user: User; endsAt: number }
  /** The token has ended. The page stays, beneath the question for the password. */
  | { state: 'ended'; user: User };

// Not a secret: only that somebody was here, so that a reload is told from a first visit.
const VISITED = 'campus-backup.visited';

let session: Session = { state: 'out', reason: visited() ? 'reloaded' : 'first' };
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

/** Signs out. The token is forgotten; it ends by itself. */
export function leave(): void {
  remember(false);
  change({ state: 'out', reason: 'left' });
}

function change(next: Session): void {
  clearTimeout(timer);
  session = next;
  for (const listener of listeners) listener();
}

function visited(): boolean {
  try {
    return sessionStorage.getItem(VISITED) !== null;
  } catch {
    return false;
  }
}

function remember(here: boolean): void {
  try {
    if (here) sessionStorage.setItem(VISITED, 'yes');
    else sessionStorage.removeItem(VISITED);
  } catch {
    // Storage can be turned off; then a reload looks like a first visit.
  }
}
