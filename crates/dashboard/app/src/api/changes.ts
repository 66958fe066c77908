import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { type Job, resultOf, stringField } from './jobs';
import { isSessionEnd } from './problem';
import type { components } from './schema';
import type { Cleared } from './tables';

export type Change = components['schemas']['Change'];

/** The changes that can be undone now, newest first. */
export const undoable = queryOptions({
  queryKey: ['changes', 'undoable'],
  queryFn: async ({ signal }) =>
    body(await client.GET('/backup/changes', { params: { query: { undoable: true, limit: 100 } }, signal })),
  refetchInterval: ({ state }) => (isSessionEnd(state.error) ? false : 10_000),
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
  };
}

/** The number of rows that an undo job restored. */
export function undoneRows(job: Job): number {
  const tables = resultOf(job, 'undo')?.tables ?? {};
  return Object.values(tables).reduce((sum, { inserted }) => sum + inserted, 0);
}

/** The table that was cleared, or `all`. */
export function clearedTable(change: Change): string {
  const { table } = change.parameters as { table?: unknown };
  return typeof table === 'string' ? table : '';
}
