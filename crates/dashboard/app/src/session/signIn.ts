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

/** The account exists but is not an administrator. */
export class NotAdministrator extends Error {
  constructor() {
    super('You can sign in with this account, but only administrators can use the dashboard.');
    this.name = 'NotAdministrator';
  }
}

/** A sign-in with a one-time password, which allows nothing but its change. */
export interface OneTimeSession {
  token: string;
  password: string;
}

/** Signs in. With a one-time password, the user must change it before the session begins. */
export async function signIn(username: string, password: string): Promise<OneTimeSession | undefined> {
  const answer = body(
    await client.POST('/auth/login', { body: { username, password, stay_signed_in: true } }),
  );
  if (!answer.password_change_required) {
    await enter(answer);
    return undefined;
  }
  if (answer.user.role !== 'admin') throw new NotAdministrator();
  return { token: answer.access_token, password };
}

/** Replaces a one-time password, and begins the session. */
export async function changeOneTimePassword(
  { token, password }: OneTimeSession,
  newPassword: string,
): Promise<void> {
  const answer = await client.POST('/auth/password', {
    headers: { Authorization: `Bearer ${token}` },
    body: { current_password: password, new_password: newPassword, stay_signed_in: true },
  });
  await enter(body(answer));
}

/** Changes the password of the signed-in user. All other sessions end, and this one continues with a new token. */
export async function changeOwnPassword(password: string, newPassword: string): Promise<void> {
  const answer = await client.POST('/auth/password', {
    body: { current_password: password, new_password: newPassword, stay_signed_in: true },
  });
  startSession(body(answer));
}

/** Begins the session of a user. The data of a previous user is removed first. */
async function enter(answer: components['schemas']['SignedIn']): Promise<void> {
  const before = session.current();
  const same = before.state === 'ended' && before.user.username === answer.user.username;
  if (!same) forgetUserData();
  startSession(answer);
  // Repeats the queries that failed while the session had ended.
  if (same) await queries.refetchQueries({ predicate: (query) => query.state.status === 'error' });
}

/** Gets the next token with the session cookie. */
export async function refreshToken(): Promise<void> {
  const answer = body(await client.POST('/auth/session'));
  const now = session.current();
  // Meanwhile the user may have signed out here, or another user may have signed in in another tab.
  const isTheirs = now.state === 'in' && now.user.username === answer.user.username;
  if (isTheirs || now.state === 'resuming') startSession(answer);
}

/** Continues the session after a reload, if the user was signed in. */
export async function resume(): Promise<void> {
  if (session.current().state !== 'resuming') return;
  try {
    await refreshToken();
  } catch (error) {
    const ended = isSessionEnd(error) || error instanceof NotAdministrator;
    session.cancel(ended ? 'ended' : 'unknown');
  }
}

/** Signs out, and removes the data of the user from the page. */
export function signOut(): void {
  // If the service does not receive it, the cookie still expires.
  client.DELETE('/auth/session', { keepalive: true }).catch(() => undefined);
  forgetSession();
}

/** Signs out here when another tab signs out. */
export function followOtherTabs(): void {
  session.onSignOutElsewhere(forgetSession);
}

/** Ends the session here, and removes all its data. */
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
