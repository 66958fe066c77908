// Reads rows of a backup, or of the current data, as people see them: with the headings of the files, and without the
// hashes of passwords.
import { queryOptions } from '@tanstack/react-query';
import { openStream } from './client';
import { CsvReader } from './csv';
import { identityHeader, type ReadIdentity } from './identity';
import type { Table } from './tables';

/** The source of rows: the id of a backup, or `live` for the current data. */
export type RowSource = string;

/** The rows of a table that are shown before a download. */
const PREVIEW_ROWS = 10;

/** The tables that refer to students or courses. Their rows are shown with names. */
const WITH_NAMES: readonly Table[] = ['enrollments', 'payments', 'attendance'];

/**
 * Reads the records of a table in order, and stops as soon as `accept` returns `false`. The first record has the
 * headings. Only the part that is needed is read. `identity` is the secret key of the backup, if the service does not
 * have it.
 */
export async function readRecords(
  source: RowSource,
  table: Table,
  signal: AbortSignal,
  accept: (record: string[], place: number) => boolean,
  identity?: string,
): Promise<void> {
  const query = new URLSearchParams({ format: 'csv', bom: 'false', formula_guard: 'false' });
  if (WITH_NAMES.includes(table)) query.set('names', 'true');
  const folder = source === 'live' ? '/backup/download' : `/backup/archives/${source}/download`;
  // Stops the transfer when enough was read, or when the caller no longer needs it.
  const controller = new AbortController();
  const stop = () => controller.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    const headers = identityHeader(identity);
    const response = await openStream(`${folder}/${table}?${query}`, controller.signal, headers);
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const csv = new CsvReader();
    let place = 0;
    for (;;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return;
      for (const record of csv.feed(chunk.value)) if (!accept(record, place++)) return;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    controller.abort();
  }
}

export interface FirstRows {
  headings: string[];
  rows: string[][];
}

/** The first rows of a table. A backup never changes, so they are read once. */
export const firstRows = (source: RowSource, table: Table, identity: ReadIdentity) =>
  queryOptions({
    queryKey: ['first rows', source, table],
    queryFn: async ({ signal }): Promise<FirstRows> => {
      const records: string[][] = [];
      const accept = (record: string[]) => records.push(record) <= PREVIEW_ROWS;
      await readRecords(source, table, signal, accept, identity());
      const [headings = [], ...rows] = records;
      return { headings, rows };
    },
    staleTime: source === 'live' ? 0 : Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    retry: false,
  });
