// The downloads of this tab. They are kept here and not in a page, so that they go on while another page is shown.
import { body, client, open } from '../api/client';
import type { Scope } from '../api/tables';
import { type Progress, receive } from './receive';
import type { Format } from './rows';
import { canPickFile, MemorySink, pickFile, type Sink } from './sink';

export type TransferState =
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
  state: TransferState;
  progress: Progress;
  /** When it began and when it was last heard of, in milliseconds. */
  beganAt: number;
  heardAt: number;
}

/** From how many rows on a file goes straight to the disk. Below, it is at most a few dozen megabytes. */
export const LARGE = 200_000;

let transfers: readonly Transfer[] = [];
let nextId = 1;
const controllers = new Map<number, AbortController>();
const listeners = new Set<() => void>();

export function current(): readonly Transfer[] {
  return transfers;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function running(): boolean {
  return transfers.some((transfer) => transfer.state.at === 'running');
}

/** Downloads a table, or everything. `expected` rows decide where the file goes on its way. */
export async function start(scope: Scope, format: Format, expected: number): Promise<void> {
  const path = `/backup/download/${scope}?format=${format}` as const;
  const large = expected >= LARGE;
  let sink: Sink = new MemorySink();
  if (large && canPickFile()) {
    try {
      sink = await pickFile(`${scope === 'all' ? 'complete' : scope}_backup.${format}`);
    } catch {
      // Whoever closes the dialog wants no download.
      return;
    }
  }
  const transfer = add(scope, format);
  if (large && !canPickFile()) {
    await attempt(transfer, async () => {
      await handOver(path);
      return { at: 'handed-over' };
    });
    return;
  }
  const controller = new AbortController();
  controllers.set(transfer.id, controller);
  await attempt(transfer, async () => {
    const response = await open(path, controller.signal).catch(async (error) => {
      await sink.discard().catch(() => undefined);
      throw error;
    });
    const { fileName } = await receive(response, format, sink, (progress) => report(transfer.id, progress));
    return { at: 'done', fileName };
  });
  controllers.delete(transfer.id);
}

export function cancel(id: number): void {
  controllers.get(id)?.abort();
}

export function cancelAll(): void {
  for (const controller of controllers.values()) controller.abort();
}

/** Takes a transfer that has ended off the list. */
export function dismiss(id: number): void {
  transfers = transfers.filter((transfer) => transfer.id !== id || transfer.state.at === 'running');
  tell();
}

async function attempt(transfer: Transfer, work: () => Promise<TransferState>): Promise<void> {
  let state: TransferState;
  try {
    state = await work();
  } catch (error) {
    const stopped = error instanceof DOMException && error.name === 'AbortError';
    state = stopped ? { at: 'cancelled' } : { at: 'failed', error };
  }
  update(transfer.id, { state, heardAt: Date.now() });
}

/** Lets the browser download something by itself, by a link that works once; its own list shows how it fares. */
export async function handOver(path: string): Promise<void> {
  const link = body(await client.POST('/backup/download-links', { body: { path } }));
  // Not the link's own host, which may be another name of this service that the page may not speak with.
  const made = new URL(link.url);
  const anchor = document.createElement('a');
  anchor.href = new URL(
    `../${path.replace(/^\//, '').replace(/\?.*/, '')}${made.search}`,
    document.baseURI,
  ).href;
  anchor.download = '';
  anchor.click();
}

function add(scope: Scope, format: Format): Transfer {
  const now = Date.now();
  const transfer: Transfer = {
    id: nextId++,
    scope,
    format,
    state: { at: 'running' },
    progress: { bytes: 0, rows: 0, totalRows: undefined, totalBytes: undefined },
    beganAt: now,
    heardAt: now,
  };
  transfers = [transfer, ...transfers];
  tell();
  return transfer;
}

function report(id: number, progress: Progress): void {
  update(id, { progress, heardAt: Date.now() });
}

function update(id: number, change: Partial<Transfer>): void {
  transfers = transfers.map((transfer) => (transfer.id === id ? { ...transfer, ...change } : transfer));
  tell();
}

let _told: ReturnType<typeof setTimeout> | undefined;

/** Pieces come faster than anybody can read. */
function tell(): void {
  _told ??= setTimeout(() => {
    _told = undefined;
    for (const listener of listeners) listener();
  }, 50);
}
