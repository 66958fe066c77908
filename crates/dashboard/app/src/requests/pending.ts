// Stores pending requests, and looks up their outcome after a reload.
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

/** The keys of requests that this page already follows. */
const followed = new Set<string>();

/** Stores a request until its outcome is known. */
export function storePending(key: string, name: string, trace: LookupTrace): void {
  const now = session.current();
  followed.add(key);
  if ('user' in now) storeRequest({ key, name, since: Date.now(), username: now.user.username, trace });
}

export { removeRequest as removePending };

/** After a reload, looks up the stored requests as soon as their user is signed in. */
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

/** The outcome of a stored request: a text if it has no job. The notifications report jobs. */
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
