// Keeps what is pending across a reload, and looks it up when the page is back.
import { ServiceUnreachable } from '../api/problem';
import { invalidate } from '../api/queries';
import { clock } from '../locale/format';
import * as session from '../session/store';
import { lookUpChange, lookUpDeletion, lookUpJob } from './lookUp';
import {
  type LookupTrace,
  removeRequest,
  type StoredRequest,
  storedRequests,
  storeRequest,
} from './pendingStorage';
import { type LookupResult, settle } from './settle';
import { begin, forget, isKnown, show, update } from './store';
import { trackJob } from './trackedJobs';

/** What this page follows itself, or has begun to look up again. */
const followed = new Set<string>();

/** Keeps a request until its outcome is known. */
export function storePending(key: string, name: string, trace: LookupTrace): void {
  const now = session.current();
  followed.add(key);
  if ('user' in now) storeRequest({ key, name, since: Date.now(), username: now.user.username, trace });
}

export { removeRequest as removePending };

/** Looks up what was pending when the page was left, as soon as whoever asked for it is signed in. */
export function lookUpPending(): void {
  session.subscribe(lookUpAll);
  lookUpAll();
}

function lookUpAll(): void {
  const now = session.current();
  if (now.state !== 'in') return;
  for (const request of storedRequests()) {
    if (followed.has(request.key)) continue;
    followed.add(request.key);
    if (request.username === now.user.username) lookUp(request);
    else removeRequest(request.key);
  }
}

async function lookUp({ key, name, since, trace }: StoredRequest): Promise<void> {
  const id = begin(`${name}, started at ${clock(since)}`);
  show(id, false);
  try {
    const done = await settle({
      send: () => Promise.reject(new ServiceUnreachable()),
      lookUp: () => outcome(key, trace),
      report: (lookup) => update(id, { at: 'looking up', ...lookup }),
      isWanted: () => isKnown(id),
    });
    if (done === undefined) forget(id);
    else update(id, { at: 'done', words: done });
    invalidate('jobs', 'archives', 'changes', 'stats');
  } catch (error) {
    update(id, { at: 'failed', error, since: Date.now() });
  } finally {
    removeRequest(key);
  }
}

/** What became of a request, in words where it has no job: how a job ends is told of all jobs alike. */
async function outcome(key: string, trace: LookupTrace): Promise<LookupResult<string | undefined>> {
  if (trace.by === 'job') {
    const found = await lookUpJob(key);
    if (found.at !== 'done') return found;
    trackJob(found.result.id, trace.about);
    return { at: 'done', result: undefined };
  }
  const { id, expected, done } = trace;
  const found = await (expected === 'deleted' ? lookUpDeletion(id) : lookUpChange(id, expected));
  return found.at === 'done' ? { at: 'done', result: done } : found;
}
