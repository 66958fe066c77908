// The downloads of this tab.
import { body, client, open } from '../api/client';
import { queries, stats } from '../api/queries';
import type { Scope } from '../api/tables';
import { whileEnded } from '../session/store';
import { type CsvStyle, current, downloadQuery } from './csvStyle';
import { LiveList } from './liveList';
import { type Progress, receive } from './receive';
import type { Format } from './rows';
import { Semaphore } from './semaphore';
import { canPickFile, MemorySink, pickFile, type Sink } from './sink';

export type TransferState =
  /** Others run, and it begins when one of them has ended. */
  | { at: 'waiting' }
  | { at: 'running' }
  | { at: 'done'; fileName: string }
  | { at: 'failed'; error: unknown }
  | { at: 'cancelled' }
  /** The browser downloads it by itself, with a link that works once. */
  | { at: 'handed-over' };

export interface Transfer {
  id: number;
  scope: Scope;
  format: Format;
  /** As it was chosen when the download was asked for. */
  style: CsvStyle;
  /** How many rows were expected, which decided where the file goes. */
  expectedRows: number | undefined;
  state: TransferState;
  progress: Progress;
  /** When it began and when it was last heard of, in milliseconds. */
  beganAt: number;
  heardAt: number;
}

/** From how many rows on a file goes straight to the disk. Below, it is at most a few dozen megabytes. */
export const LARGE = 200_000;

/**
 * How many downloads run at the same time. Browsers open six connections to a host (HTTP/1.1), and the page needs some of
 * them for its own questions.
 */
export const MAX_RUNNING = 3;

export const transfers = new LiveList<Transfer>();
const permits = new Semaphore(MAX_RUNNING);
const controllers = new Map<number, AbortController>();

/** Whether a download would be lost if the page were left. */
export function isDownloading(): boolean {
  return transfers.current().some(isActive);
}

export function isActive({ state }: Transfer): boolean {
  return state.at === 'waiting' || state.at === 'running';
}

/**
 * Downloads a table, or everything. How many rows are expected decides where the file goes on its way; if nobody knows,
 * the file is treated as a large one.
 */
export async function start(
  scope: Scope,
  format: Format,
  expected: number | undefined,
  replaced?: Transfer,
): Promise<void> {
  const style = replaced?.style ?? current();
  const expectedRows = expected ?? (await countRows(scope));
  const large = expectedRows === undefined || expectedRows >= LARGE;
  const add = (state: TransferState) => {
    if (replaced) dismiss(replaced.id);
    return addTransfer({ scope, format, style, expectedRows, state });
  };
  if (large && !canPickFile()) return startInBrowser(add({ at: 'running' }));
  let sink: Sink | undefined;
  try {
    sink = large
      ? await pickFile(`${scope === 'all' ? 'complete' : scope}_backup.${format}`)
      : new MemorySink();
  } catch (error) {
    add({ at: 'failed', error });
    return;
  }
  if (sink) await download(add({ at: 'waiting' }), sink);
}

/** Downloads again what has ended, to the same kind of place as the first time. */
export function startAgain(transfer: Transfer): Promise<void> {
  const { scope, format, expectedRows, progress } = transfer;
  const known = [expectedRows, progress.totalRows].filter((count) => count !== undefined);
  return start(scope, format, known.length > 0 ? Math.max(...known) : undefined, transfer);
}

export function cancel(id: number): void {
  controllers.get(id)?.abort();
}

/** Cancels and forgets all downloads: somebody else may use the page next. */
export function forgetDownloads(): void {
  for (const controller of controllers.values()) controller.abort();
  transfers.remove(() => true);
}

/** Removes a transfer that has ended from the list. */
export function dismiss(id: number): void {
  transfers.remove((transfer) => transfer.id === id && !isActive(transfer));
}

async function download(transfer: Transfer, sink: Sink): Promise<void> {
  const { id, format } = transfer;
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  let state: TransferState;
  let release: (() => void) | undefined;
  try {
    release = await permits.acquire(signal);
    await whileEnded(signal);
    transfers.update(id, { state: { at: 'running' }, beganAt: Date.now() });
    const response = await open(pathOf(transfer), signal);
    const report = (progress: Progress) => transfers.update(id, { progress, heardAt: Date.now() });
    const { fileName } = await receive(response, format, sink, report);
    state = { at: 'done', fileName };
  } catch (error) {
    // Nothing is left, also of what failed before its first byte.
    await sink.discard().catch(() => undefined);
    state = signal.aborted ? { at: 'cancelled' } : { at: 'failed', error };
  } finally {
    release?.();
    controllers.delete(id);
  }
  transfers.update(id, { state, heardAt: Date.now() });
}

async function startInBrowser(transfer: Transfer): Promise<void> {
  const { id } = transfer;
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  let state: TransferState;
  try {
    await handOver(pathOf(transfer), signal);
    state = { at: 'handed-over' };
  } catch (error) {
    state = signal.aborted ? { at: 'cancelled' } : { at: 'failed', error };
  } finally {
    controllers.delete(id);
  }
  transfers.update(id, { state });
}

/** Lets the browser download something by itself, by a link that works once; its own list shows how it fares. */
export async function handOver(path: string, signal?: AbortSignal): Promise<void> {
  const link = body(
    await client.POST('/backup/download-links', { body: { path }, ...(signal && { signal }) }),
  );
  // Not the link's own host, which may be another name of this service that the page may not speak with.
  const made = new URL(link.url);
  const anchor = document.createElement('a');
  anchor.href = new URL(
    `../${path.replace(/^\//, '').replace(/\?.*/, '')}${made.search}`,
    document.baseURI,
  ).href;
  // A browser that follows the link otherwise is shown a page with a button.
  anchor.href += '&begin=true';
  anchor.download = '';
  anchor.click();
}

/** How many rows there are, as far as that can be found out now. */
async function countRows(scope: Scope): Promise<number | undefined> {
  try {
    const counts = await queries.ensureQueryData(stats);
    return scope === 'all' ? counts.total : counts[scope];
  } catch {
    return undefined;
  }
}

function pathOf({ scope, format, style }: Transfer): string {
  return `/backup/download/${scope}?${downloadQuery(scope, format, style)}`;
}

function addTransfer(
  what: Pick<Transfer, 'scope' | 'format' | 'style' | 'expectedRows' | 'state'>,
): Transfer {
  const now = Date.now();
  return transfers.add({
    ...what,
    progress: { bytes: 0, rows: 0, totalRows: undefined, totalBytes: undefined },
    beganAt: now,
    heardAt: now,
  });
}
