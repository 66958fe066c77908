// Keeps what is pending across a reload, and looks it up when the page is back.
import { Unreachable } from '../api/problem';
import { changed } from '../api/queries';
import { clock } from '../locale/format';
import * as session from '../session/store';
import { follow } from './jobNews';
import { asChanged, asDeleted, asJob } from './lookUp';
import { drop, type KeptRequest, keep, kept, type Trace } from './pendingStorage';
import { type Found, settle } from './settle';
import { begin, forget, isKnown, show, update } from './store';

/** What this page follows itself, or has begun to look up again. */
const followed = new Set<string>();

/** Keeps a request until its outcome is known. */
export function keepPending(key: string, name: string, trace: Trace): void {
  const now = session.current();
  followed.add(key);
  if ('user' in now) keep({ key, name, since: Date.now(), username: now.user.username, trace });
}

export { drop as dropPending };

/** Looks up what was pending when the page was left, as soon as whoever asked for it is signed in. */
export function lookUpPending(): void {
  session.subscribe(lookUpAll);
  lookUpAll();
}

function lookUpAll(): void {
  const now = session.current();
  if (now.state !== 'in') return;
  for (const request of kept()) {
    if (followed.has(request.key)) continue;
    followed.add(request.key);
    if (request.username === now.user.username) lookUp(request);
    else drop(request.key);
  }
}

async function lookUp({ key, name, since, trace }: KeptRequest): Promise<void> {
  const id = begin(`${name}, asked for at ${clock(since)}`);
  show(id, false);
  try {
    const done = await settle({
      send: () => Promise.reject(new Unreachable()),
      lookUp: () => outcome(key, trace),
      report: (unsettled) => update(id, { at: 'unsettled', ...unsettled }),
      isWanted: () => isKnown(id),
    });
    if (done === undefined) forget(id);
    else update(id, { at: 'done', words: done });
    changed('jobs', 'archives', 'changes', 'stats');
  } catch (error) {
    update(id, { at: 'failed', error, since: Date.now() });
  } finally {
    drop(key);
  }
}

/** What became of a request, in words where it has no job: how a job ends is told of all jobs alike. */
async function outcome(key: string, trace: Trace): Promise<Found<string | undefined>> {
  if (trace.by === 'job') {
    const found = await asJob(key);
    if (found.at !== 'done') return found;
    follow(found.result.id, trace.about);
    return { at: 'done', result: undefined };
  }
  const { id, expected, done } = trace;
  const found = await (expected === 'deleted' ? asDeleted(id) : asChanged(id, expected));
  return found.at === 'done' ? { at: 'done', result: done } : found;
}
