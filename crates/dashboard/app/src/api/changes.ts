import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { type Job, resultOf, stringField } from './jobs';
import { pollEvery } from './polling';
import type { components } from './schema';
import type { Cleared } from './tables';

export type Change = components['schemas']['Change'];
type UndoResult = components['schemas']['UndoJobResult'];

/** The changes that can be undone one by one. */
export type UndoableKind = 'clear' | 'import';

/** The clears and imports that can be undone now, or those of one kind, newest first. */
export const undoable = (kind?: UndoableKind) =>
  queryOptions({
    queryKey: ['changes', 'undoable', kind ?? 'all'],
    queryFn: async ({ signal }) => {
      const query = { undoable: true, limit: 100, ...(kind && { kind }) };
      return body(await client.GET('/backup/changes', { params: { query }, signal }));
    },
    refetchInterval: pollEvery(10_000),
  });

/**
 * The changes since a moment, newest first. They are read again after each count of the rows, because an older answer
 * does not have the change that explains a newer count.
 */
export const changesSince = (from: string, countedAt: string) =>
  queryOptions({
    queryKey: ['changes', 'since', from, countedAt],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/changes', { params: { query: { from, limit: 100 } }, signal })).items,
    placeholderData: keepPreviousData,
    gcTime: 60_000,
  });

/** Converts the result of a clear job into the answer of a clear. */
export function clearResult(job: Job): Cleared {
  const result = resultOf(job, 'clear');
  if (!result) throw new Error('The job has no result of a clear.');
  const { removed, kept, cleared_at, archive_id, undo_until } = result;
  const removed_total = Object.values(removed).reduce((sum, count) => sum + count, 0);
  const table = (stringField(job, 'table') ?? 'all') as Cleared['table'];
  return {
    id: job.id,
    table,
    dry_run: false,
    removed,
    removed_total,
    kept,
    cleared_at,
    archive_id,
    undo_until,
    // The result of a job does not say it. An undo that needs the key asks for it.
    undo_needs_identity: false,
  };
}

/** The number of rows that an undo has inserted, changed back or removed. */
export function undoneRows({ tables }: Pick<UndoResult, 'tables'>): number {
  return Object.values(tables).reduce(
    (sum, { inserted, updated, removed }) => sum + inserted + updated + removed,
    0,
  );
}

/** The result of an undo job. */
export function undoResult(job: Job): UndoResult {
  const result = resultOf(job, 'undo');
  if (!result) throw new Error('The job has no result of an undo.');
  return result;
}

/** The table that was cleared or imported into, or `all`. */
export function changedTable(change: Change): string {
  const { table } = change.parameters as { table?: unknown };
  return typeof table === 'string' ? table : '';
}
