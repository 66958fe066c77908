// The uploads of this tab.
import type { ImportRequest } from '../api/imports';
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
  /** It waits for another upload. */
  | { at: 'waiting' }
  /** `sent` is in bytes. */
  | { at: 'sending'; sent: number }
  /** The whole file was sent, and the service checks it. Now only the service can cancel it. */
  | { at: 'checking'; cancel?: 'asked' | 'too late' }
  /** The whole file was sent and there was no answer. The page looks up the outcome. */
  | ({ at: 'looking up' } & LookupState)
  /** `plan` is the id of the plan of a file to be imported. */
  | { at: 'done'; plan?: string }
  | { at: 'failed'; error: unknown };

/** What the service does with a file. */
export type UploadPurpose = { for: 'backup' } | { for: 'import'; file: File; request: ImportRequest };

export interface Upload {
  id: number;
  name: string;
  size: number;
  purpose: UploadPurpose;
  state: UploadState;
}

export const uploads = new LiveList<Upload>();
// The service checks each file completely. Two at the same time would take longer for both.
const permits = new Semaphore(1);
const controllers = new Map<number, AbortController>();
const keys = new Map<number, string>();
/** The files of the newest plans of imports, by the id of the plan. They can be sent again with other options. */
export const keptFiles = new Map<string, File>();

/** Whether closing the page would end an upload. */
export function isUploading(): boolean {
  return uploads.current().some(isActive);
}

export function isActive({ state }: Upload): boolean {
  return ['waiting', 'sending', 'checking', 'looking up'].includes(state.at);
}

/** One attempt to send a file. */
export interface UploadRun {
  id: number;
  /** Aborted if the upload is cancelled. */
  signal: AbortSignal;
  /** Reports how many bytes were sent. */
  report: (sent: number) => void;
  /** Lets the next upload start. */
  release: () => void;
}

/**
 * Sends a file after the files that were chosen before it, and returns the last state. A cancelled upload is removed
 * from the list, and has none.
 */
export async function enqueue(
  file: File,
  purpose: UploadPurpose,
  sendFile: (run: UploadRun) => Promise<UploadState>,
): Promise<UploadState | undefined> {
  const { id } = uploads.add({ name: file.name, size: file.size, purpose, state: { at: 'waiting' } });
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  const report = (sent: number) => {
    if (stateOf(id)?.at === 'checking') return;
    uploads.update(id, { state: sent < file.size ? { at: 'sending', sent } : { at: 'checking' } });
  };
  let release: (() => void) | undefined;
  try {
    release = await permits.acquire(signal);
    await untilSignedIn(signal);
    report(0);
    uploads.update(id, { state: await sendFile({ id, signal, report, release }) });
  } catch (error) {
    const state = stateOf(id);
    const isCancelled = state?.at === 'checking' && state.cancel === 'asked' && isCancellation(error);
    if (signal.aborted || isCancelled) uploads.remove((each) => each.id === id);
    else uploads.update(id, { state: { at: 'failed', error } });
  } finally {
    release?.();
    controllers.delete(id);
  }
  return stateOf(id);
}

/** Uploads a backup file. */
export async function upload(file: File): Promise<void> {
  await enqueue(file, { for: 'backup' }, async ({ id, signal, report, release }) => {
    const key = newIdempotencyKey();
    keys.set(id, key);
    storePending(key, `Upload ${file.name}`, { by: 'job' });
    try {
      await send(file, key, signal, report).catch((error) => {
        release();
        const tell = (lookup: LookupState) => uploads.update(id, { state: { at: 'looking up', ...lookup } });
        return outcomeOf(key, error, signal, tell);
      });
      return { at: 'done' };
    } finally {
      keys.delete(id);
      removePending(key);
      // Also after a failure: without an answer, the backup may have been added.
      invalidate('archives', 'jobs');
    }
  });
}

/**
 * Finds the outcome of an upload that failed here. Without an answer, the service is asked.
 *
 * @throws the error of the upload.
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
    // A new upload would have another key, so the service could add the file twice.
    throw outcome instanceof NotReceived ? error : outcome;
  }
}

/**
 * Cancels an upload. If the whole file was sent, it is removed from the list when the service has confirmed the
 * cancellation.
 */
export function cancelUpload(id: number): void {
  const key = keys.get(id);
  if (stateOf(id)?.at === 'checking' && key !== undefined) cancelCheck(id, key);
  else controllers.get(id)?.abort();
}

/** The milliseconds between two questions for the job that checks a file. */
const PAUSE = 500;

/** Asks the service to stop checking. Its answer to the upload tells whether it did. */
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
    // The job starts when the last byte has arrived.
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

function isCancellation(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.code === 'cancelled';
}

function stateOf(id: number): UploadState | undefined {
  return uploads.current().find((each) => each.id === id)?.state;
}

/** Cancels all uploads and forgets all files, because another user may use the page next. */
export function forgetUploads(): void {
  for (const controller of controllers.values()) controller.abort();
  uploads.remove(() => true);
  keptFiles.clear();
}

/** Removes an upload that has ended from the list. */
export function dismissUpload(id: number): void {
  uploads.remove((each) => each.id === id && !isActive(each));
}
