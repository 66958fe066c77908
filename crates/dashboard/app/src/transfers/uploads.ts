// The uploads of this tab.
import { cancel } from '../api/jobs';
import { ProblemError } from '../api/problem';
import { invalidate } from '../api/queries';
import { dismissOwnJob } from '../requests/dismissOwnJob';
import { newIdempotencyKey } from '../requests/idempotencyKey';
import { jobOf, lookUpResult } from '../requests/lookUp';
import { removePending, storePending } from '../requests/pending';
import { type LookupState, NotReceived, settle } from '../requests/settle';
import { untilSignedIn } from '../session/store';
import { LiveList } from './liveList';
import { Semaphore } from './semaphore';
import { send, UploadUnanswered } from './send';

export type UploadState =
  /** Another one is being sent. */
  | { at: 'waiting' }
  /** Bytes so far. */
  | { at: 'sending'; sent: number }
  /** All is sent, and the service checks the file. Only the service can stop then, if it still can. */
  | { at: 'checking'; cancel?: 'asked' | 'too late' }
  /** All was sent and no answer came: the service is asked what became of it. */
  | ({ at: 'looking up' } & LookupState)
  | { at: 'done' }
  | { at: 'failed'; error: unknown };

export interface Upload {
  id: number;
  name: string;
  size: number;
  state: UploadState;
}

export const uploads = new LiveList<Upload>();
// The service checks each to its end; two at once would take longer for both.
const permits = new Semaphore(1);
const controllers = new Map<number, AbortController>();
const keys = new Map<number, string>();

/** Whether an upload would be lost if the page were left. */
export function isUploading(): boolean {
  return uploads.current().some(isActive);
}

export function isActive({ state }: Upload): boolean {
  return ['waiting', 'sending', 'checking', 'looking up'].includes(state.at);
}

/** Sends a file, after those that were chosen before it. One that was cancelled leaves the list. */
export async function upload(file: File): Promise<void> {
  const { id } = uploads.add({ name: file.name, size: file.size, state: { at: 'waiting' } });
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  const report = (sent: number) => {
    if (stateOf(id)?.at === 'checking') return;
    uploads.update(id, { state: sent < file.size ? { at: 'sending', sent } : { at: 'checking' } });
  };
  let release: (() => void) | undefined;
  const key = newIdempotencyKey();
  keys.set(id, key);
  try {
    release = await permits.acquire(signal);
    await untilSignedIn(signal);
    report(0);
    storePending(key, `Upload ${file.name}`, { by: 'job' });
    await send(file, key, signal, report).catch((error) => {
      // The line is free for the next file.
      release?.();
      const tell = (lookup: LookupState) => uploads.update(id, { state: { at: 'looking up', ...lookup } });
      return outcomeOf(key, error, signal, tell);
    });
    uploads.update(id, { state: { at: 'done' } });
  } catch (error) {
    const state = stateOf(id);
    const isCancelled = state?.at === 'checking' && state.cancel === 'asked' && isCancellation(error);
    if (signal.aborted || isCancelled) uploads.remove((each) => each.id === id);
    else uploads.update(id, { state: { at: 'failed', error } });
  } finally {
    release?.();
    controllers.delete(id);
    keys.delete(id);
    removePending(key);
    // Also after a failure: without an answer, the list may tell what became of it.
    invalidate('archives', 'jobs');
  }
}

/**
 * What became of an upload that has failed here. Without an answer of the service that is not known, so it is asked.
 *
 * @throws what went wrong.
 */
async function outcomeOf(
  key: string,
  error: unknown,
  signal: AbortSignal,
  report: (lookup: LookupState) => void,
): Promise<void> {
  if (!(error instanceof UploadUnanswered || error instanceof ProblemError)) throw error;
  try {
    await settle({
      send: () => Promise.reject(error),
      lookUp: () => lookUpResult(key, () => undefined),
      report,
      isWanted: () => !signal.aborted,
    });
  } catch (outcome) {
    dismissOwnJob(key, outcome);
    // Sent again it would have another key, so it can't be said that it is done only once.
    throw outcome instanceof NotReceived ? error : outcome;
  }
}

/** Cancels an upload. What was sent whole leaves the list when the service has said that it has stopped. */
export function cancelUpload(id: number): void {
  const key = keys.get(id);
  if (stateOf(id)?.at === 'checking' && key !== undefined) cancelCheck(id, key);
  else controllers.get(id)?.abort();
}

/** How long to wait until the service is asked again for the job that checks a file. */
const PAUSE = 500;

/** Has the service stop checking. Its answer to the upload says whether it did. */
async function cancelCheck(id: number, key: string): Promise<void> {
  uploads.update(id, { state: { at: 'checking', cancel: 'asked' } });
  const isAsked = () => {
    const state = stateOf(id);
    return state?.at === 'checking' && state.cancel === 'asked';
  };
  while (isAsked()) {
    try {
      const job = await jobOf(key);
      if (job) return await cancel(job.id);
    } catch (error) {
      if (error instanceof ProblemError && error.problem.code === 'not_cancellable') {
        if (isAsked()) uploads.update(id, { state: { at: 'checking', cancel: 'too late' } });
        return;
      }
    }
    // The job begins when the last byte has arrived.
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function isCancellation(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.code === 'cancelled';
}

function stateOf(id: number): UploadState | undefined {
  return uploads.current().find((each) => each.id === id)?.state;
}

/** Cancels and forgets all uploads: somebody else may use the page next. */
export function forgetUploads(): void {
  for (const controller of controllers.values()) controller.abort();
  uploads.remove(() => true);
}

/** Removes an upload that has ended from the list. */
export function dismissUpload(id: number): void {
  uploads.remove((each) => each.id === id && !isActive(each));
}
