// The uploads of this tab.
import { Refusal } from '../api/problem';
import { changed } from '../api/queries';
import { newKey } from '../requests/key';
import { leaveToPlace } from '../requests/leaveToPlace';
import { asResult } from '../requests/lookUp';
import { NotReceived, settle, type Unsettled } from '../requests/settle';
import { whileEnded } from '../session/store';
import { LiveList } from './liveList';
import { Semaphore } from './semaphore';
import { send, UploadUnanswered } from './send';

export type UploadState =
  /** Another one is being sent. */
  | { at: 'waiting' }
  /** Bytes so far. When all are sent, the service checks the file. */
  | { at: 'sending'; sent: number }
  /** All was sent and no answer came: the service is asked what became of it. */
  | ({ at: 'unsettled' } & Unsettled)
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

/** Whether an upload would be lost if the page were left. */
export function isUploading(): boolean {
  return uploads.current().some(isActive);
}

export function isActive({ state }: Upload): boolean {
  return state.at === 'waiting' || state.at === 'sending' || state.at === 'unsettled';
}

/** Sends a file, after those that were chosen before it. One that was cancelled leaves the list. */
export async function upload(file: File): Promise<void> {
  const { id } = uploads.add({ name: file.name, size: file.size, state: { at: 'waiting' } });
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  const report = (sent: number) => uploads.update(id, { state: { at: 'sending', sent } });
  let release: (() => void) | undefined;
  try {
    release = await permits.acquire(signal);
    await whileEnded(signal);
    report(0);
    const key = newKey();
    await send(file, key, signal, report).catch((error) => {
      // The line is free for the next file.
      release?.();
      const tell = (unsettled: Unsettled) => uploads.update(id, { state: { at: 'unsettled', ...unsettled } });
      return outcomeOf(key, error, signal, tell);
    });
    uploads.update(id, { state: { at: 'done' } });
  } catch (error) {
    if (signal.aborted) uploads.remove((each) => each.id === id);
    else uploads.update(id, { state: { at: 'failed', error } });
  } finally {
    release?.();
    controllers.delete(id);
    // Also after a failure: without an answer, the list may tell what became of it.
    changed('archives', 'jobs');
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
  report: (unsettled: Unsettled) => void,
): Promise<void> {
  if (!(error instanceof UploadUnanswered || error instanceof Refusal)) throw error;
  try {
    await settle({
      send: () => Promise.reject(error),
      lookUp: () => asResult(key, () => undefined),
      report,
      isWanted: () => !signal.aborted,
    });
  } catch (outcome) {
    leaveToPlace(key, outcome);
    // Sent again it would have another key, so it can't be said that it is done only once.
    throw outcome instanceof NotReceived ? error : outcome;
  }
}

export function cancelUpload(id: number): void {
  controllers.get(id)?.abort();
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
