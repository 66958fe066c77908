// The downloads of this tab.
import { openStream } from '../api/client';
import { identityHeader } from '../api/identity';
import { queries, stats } from '../api/queries';
import { nameOf, type Scope } from '../api/tables';
import { untilSignedIn } from '../session/store';
import { type CsvStyle, current, downloadQuery } from './csvStyle';
import { openLink, waitForLink } from './link';
import { LiveList } from './liveList';
import { type Progress, receive } from './receive';
import type { FileFormat, Format } from './rows';
import { Semaphore } from './semaphore';
import { canPickFile, MemorySink, pickFile, type Sink } from './sink';

export type TransferState =
  /** It starts when another download has ended. */
  | { at: 'waiting' }
  | { at: 'running' }
  | { at: 'done'; fileName: string }
  | { at: 'failed'; error: unknown }
  | { at: 'cancelled' }
  /** The browser downloads it with a link that works once. */
  | { at: 'in browser' }
  /** The service has sent the whole file to the browser. Only the browser knows whether it was saved. */
  | { at: 'sent' }
  /** The browser has downloaded it, and the outcome is no longer known. */
  | { at: 'unknown' };

/** The source of a download. */
export type Source =
  | {
      from: 'table';
      scope: Scope;
      format: Format;
      /** The style when the download was requested. */
      style: CsvStyle;
      /** The expected number of rows. It decided whether the file is written directly to the disk. */
      expectedRows: number | undefined;
    }
  /** A file of a backup or a comparison. The browser downloads it. */
  | { from: 'path'; path: string }
  /** A file that the page receives, because a link can't have it. */
  | ({ from: 'page' } & PageFile);

/** A file that the page receives. */
export interface PageFile {
  path: string;
  format: FileFormat;
  /** The secret key, for a backup whose key the service does not have. */
  identity?: string | undefined;
  /** The expected number of rows. It decides whether the file is written directly to the disk. */
  expectedRows?: number;
}

export interface Transfer {
  id: number;
  /** The name that is shown. */
  name: string;
  source: Source;
  state: TransferState;
  progress: Progress;
  /** The times of the start and of the last progress, in milliseconds. */
  beganAt: number;
  heardAt: number;
}

const FORMAT_NAMES: Record<Format, string> = { csv: 'CSV', xlsx: 'Excel', json: 'JSON' };

/**
 * A file with at least so many rows is written directly to the disk. A smaller one has at most a few dozen megabytes.
 */
export const LARGE = 200_000;

/**
 * The maximum number of downloads at the same time. Browsers open six connections to a host (HTTP/1.1), and the page
 * needs some of them.
 */
export const MAX_RUNNING = 3;

export const transfers = new LiveList<Transfer>();
const permits = new Semaphore(MAX_RUNNING);
const controllers = new Map<number, AbortController>();

/** Whether closing the page would end a download. */
export function isDownloading(): boolean {
  return transfers.current().some(needsPage);
}

function needsPage({ state }: Transfer): boolean {
  return state.at === 'waiting' || state.at === 'running';
}

export function isActive(transfer: Transfer): boolean {
  return needsPage(transfer) || transfer.state.at === 'in browser';
}

/**
 * Downloads a table, or everything. The expected number of rows decides whether the file is written directly to the
 * disk. If it is unknown, the file is treated as a large one.
 */
export async function start(
  scope: Scope,
  format: Format,
  expected: number | undefined,
  replaced?: Transfer,
): Promise<void> {
  const style = replaced?.source.from === 'table' ? replaced.source.style : current();
  const expectedRows = expected ?? (await countRows(scope));
  const large = expectedRows === undefined || expectedRows >= LARGE;
  const add = (state: TransferState) => {
    if (replaced) dismiss(replaced.id);
    const name = scope === 'all' ? 'Complete backup' : `${nameOf(scope)} as ${FORMAT_NAMES[format]}`;
    return addTransfer({
      name,
      source: { from: 'table', scope, format, style, expectedRows },
      state,
    });
  };
  if (large && !canPickFile()) return startInBrowser(add({ at: 'waiting' }));
  await downloadTo(large && `${scope === 'all' ? 'complete' : scope}_backup.${format}`, add);
}

/** Repeats a download that has ended, with the same kind of target. */
export function startAgain(transfer: Transfer): Promise<void> {
  const { name, source, progress } = transfer;
  if (source.from !== 'table') {
    dismiss(transfer.id);
    if (source.from === 'page') return downloadInPage(name, source);
    return startInBrowser(addTransfer({ name, source, state: { at: 'waiting' } }));
  }
  const { scope, format, expectedRows } = source;
  const known = [expectedRows, progress.totalRows].filter((count) => count !== undefined);
  return start(scope, format, known.length > 0 ? Math.max(...known) : undefined, transfer);
}

export function cancel(id: number): void {
  controllers.get(id)?.abort();
}

/** Cancels and removes all downloads, because another user may use the page next. */
export function forgetDownloads(): void {
  for (const controller of controllers.values()) controller.abort();
  transfers.remove(() => true);
}

/** Removes a download from the list, unless it needs the page. Another download may start then. */
export function dismiss(id: number): void {
  const isRemoved = (transfer: Transfer) => transfer.id === id && !needsPage(transfer);
  if (transfers.current().some(isRemoved)) cancel(id);
  transfers.remove(isRemoved);
}

async function download(transfer: Transfer, sink: Sink): Promise<void> {
  const { id, source } = transfer;
  if (source.from === 'path') return;
  const identity = source.from === 'page' ? source.identity : undefined;
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  let state: TransferState;
  let release: (() => void) | undefined;
  try {
    release = await permits.acquire(signal);
    await untilSignedIn(signal);
    transfers.update(id, { state: { at: 'running' }, beganAt: Date.now() });
    const response = await openStream(pathOf(transfer), signal, identityHeader(identity));
    const report = (progress: Progress) => transfers.update(id, { progress, heardAt: Date.now() });
    const { fileName } = await receive(response, source.format, sink, report);
    state = { at: 'done', fileName };
  } catch (error) {
    // Removes the file, even if the download failed before its first byte.
    await sink.discard().catch(() => undefined);
    state = signal.aborted ? { at: 'cancelled' } : { at: 'failed', error };
  } finally {
    release?.();
    controllers.delete(id);
  }
  transfers.update(id, { state, heardAt: Date.now() });
}

/**
 * Downloads a part of a backup or a comparison.
 *
 * @throws if the service refuses to create a link.
 */
export async function downloadByLink(name: string, path: string): Promise<void> {
  const transfer = addTransfer({ name, source: { from: 'path', path }, state: { at: 'waiting' } });
  try {
    follow(transfer, await beginInBrowser(transfer));
  } catch (error) {
    // The error is shown where the download was requested.
    transfers.remove(({ id }) => id === transfer.id);
    throw error;
  }
}

/** Downloads a file that the page receives. */
export function downloadInPage(name: string, file: PageFile): Promise<void> {
  const isLarge = (file.expectedRows ?? 0) >= LARGE && canPickFile();
  return downloadTo(isLarge && `${name}.${file.format}`, (state) =>
    addTransfer({ name, source: { from: 'page', ...file }, state }),
  );
}

/** Downloads to a file that the user chooses, if a name is proposed for it, or into the memory. */
async function downloadTo(
  proposedName: string | false,
  add: (state: TransferState) => Transfer,
): Promise<void> {
  let sink: Sink | undefined;
  try {
    sink = proposedName ? await pickFile(proposedName) : new MemorySink();
  } catch (error) {
    add({ at: 'failed', error });
    return;
  }
  if (sink) await download(add({ at: 'waiting' }), sink);
}

async function startInBrowser(transfer: Transfer): Promise<void> {
  try {
    follow(transfer, await beginInBrowser(transfer));
  } catch (error) {
    transfers.update(transfer.id, { state: { at: 'failed', error } });
  }
}

/** A download that the browser has started. */
interface BrowserDownload {
  link: number;
  signal: AbortSignal;
  release: () => void;
}

/** Starts the download in the browser when a permit is free. Returns `undefined` if it was cancelled before. */
async function beginInBrowser(transfer: Transfer): Promise<BrowserDownload | undefined> {
  const { id } = transfer;
  const controller = new AbortController();
  const { signal } = controller;
  controllers.set(id, controller);
  let release: (() => void) | undefined;
  try {
    release = await permits.acquire(signal);
    await untilSignedIn(signal);
    const link = await openLink(pathOf(transfer), signal);
    transfers.update(id, { state: { at: 'in browser' }, beganAt: Date.now() });
    return { link, signal, release };
  } catch (error) {
    release?.();
    controllers.delete(id);
    if (!signal.aborted) throw error;
    transfers.update(id, { state: { at: 'cancelled' } });
    return undefined;
  }
}

/** Keeps the permit until the service reports the end of the download. */
async function follow({ id }: Transfer, begun: BrowserDownload | undefined): Promise<void> {
  if (!begun) return;
  const { link, signal, release } = begun;
  let state: TransferState;
  try {
    state = { at: (await waitForLink(link, signal)) === 'delivered' ? 'sent' : 'unknown' };
  } catch (error) {
    state = signal.aborted ? { at: 'unknown' } : { at: 'failed', error };
  } finally {
    release();
    controllers.delete(id);
  }
  transfers.update(id, { state, heardAt: Date.now() });
}

/** The number of rows, or `undefined` if the service does not answer. */
async function countRows(scope: Scope): Promise<number | undefined> {
  try {
    const counts = await queries.ensureQueryData(stats);
    return scope === 'all' ? counts.total : counts[scope];
  } catch {
    return undefined;
  }
}

function pathOf({ source }: Transfer): string {
  if (source.from !== 'table') return source.path;
  const { scope, format, style } = source;
  return `/backup/download/${scope}?${downloadQuery(scope, format, style)}`;
}

function addTransfer(what: Pick<Transfer, 'name' | 'source' | 'state'>): Transfer {
  const now = Date.now();
  return transfers.add({
    ...what,
    progress: { bytes: 0, rows: 0, totalRows: undefined, totalBytes: undefined },
    beganAt: now,
    heardAt: now,
  });
}
