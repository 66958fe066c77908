import { body, client } from '../api/client';
import { queries } from '../api/queries';
import * as session from './store';

/** An account that exists and may not use the dashboard. */
export class NotAdministrator extends Error {
  constructor() {
    super('This account may sign in, but only administrators may use the dashboard.');
    this.name = 'NotAdministrator';
  }
}

/** Signs in. What the page showed to somebody else is forgotten first. */
export async function signIn(username: string, password: string): Promise<void> {
  const answer = body(await client.POST('/auth/login', { body: { username, password } }));
  if (answer.user.role !== 'admin') throw new NotAdministrator();
  const before = session.current();
  const same = before.state === 'ended' && before.user.username === answer.user.username;
  if (!same) queries.clear();
  session.begin(answer.access_token, answer.user, answer.expires_in);
  // What failed while the session had ended is asked again.
  if (same) await queries.refetchQueries({ predicate: (query) => query.state.status === 'error' });
}

/** Signs out, and forgets what was shown. */
export function signOut(): void {
  session.leave();
  queries.clear();
}
