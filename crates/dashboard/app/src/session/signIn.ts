import { body, client } from '../api/client';
import { forgetAnswers } from '../api/conditional';
import { isSessionEnd } from '../api/problem';
import { queries } from '../api/queries';
import type { components } from '../api/schema';
import { removeAllRequests } from '../requests/pendingStorage';
import { forgetAll } from '../requests/store';
import { forgetStarted } from '../requests/trackedJobs';
import { forgetDownloads } from '../transfers/store';
import { forgetUploads } from '../transfers/uploads';
import * as session from './store';

/** An account that exists and may not use the dashboard. */
export class NotAdministrator extends Error {
  constructor() {
    super('You can sign in with this account, but only administrators can use the dashboard.');
    this.name = 'NotAdministrator';
  }
}

/** Signs in. What the page showed to somebody else is forgotten first. */
export async function signIn(username: string, password: string): Promise<void> {
  const answer = body(
    await client.POST('/auth/login', { body: { username, password, stay_signed_in: true } }),
  );
  const before = session.current();
  const same = before.state === 'ended' && before.user.username === answer.user.username;
  if (!same) forgetUserData();
  startSession(answer);
  // What failed while the session had ended is asked again.
  if (same) await queries.refetchQueries({ predicate: (query) => query.state.status === 'error' });
}

/** The next token, for the cookie of the one before. */
export async function refreshToken(): Promise<void> {
  const answer = body(await client.POST('/auth/session'));
  const now = session.current();
  // Meanwhile somebody may have signed out here, or somebody else signed in in another tab.
  const isTheirs = now.state === 'in' && now.user.username === answer.user.username;
  if (isTheirs || now.state === 'resuming') startSession(answer);
}

/** Goes on after a reload, if that was asked for. */
export async function resume(): Promise<void> {
  if (session.current().state !== 'resuming') return;
  try {
    await refreshToken();
  } catch (error) {
    const ended = isSessionEnd(error) || error instanceof NotAdministrator;
    session.cancel(ended ? 'ended' : 'unknown');
  }
}

/** Signs out, and forgets what was shown. */
export function signOut(): void {
  // If the service does not hear it, the cookie still ends by itself.
  client.DELETE('/auth/session', { keepalive: true }).catch(() => undefined);
  forgetSession();
}

/** Signs out here, too, when that was done in another tab. */
export function followOtherTabs(): void {
  session.onSignOutElsewhere(forgetSession);
}

/** The session is over: nothing is left of it here. */
export function forgetSession(): void {
  session.leave();
  removeAllRequests();
  forgetUserData();
}

function forgetUserData(): void {
  forgetDownloads();
  forgetUploads();
  forgetAnswers();
  queries.clear();
  forgetAll();
  forgetStarted();
}

function startSession(answer: components['schemas']['SignedIn']): void {
  if (answer.user.role !== 'admin') throw new NotAdministrator();
  session.begin(answer.access_token, answer.user, answer.expires_in);
}
