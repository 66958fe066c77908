import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { isSessionEnd } from './problem';
import type { components } from './schema';

export type Change = components['schemas']['Change'];

/** The changes that can be undone now, the newest first. */
export const undoable = queryOptions({
  queryKey: ['changes', 'undoable'],
  queryFn: async ({ signal }) =>
    body(await client.GET('/backup/changes', { params: { query: { undoable: true, limit: 100 } }, signal })),
  refetchInterval: ({ state }) => (isSessionEnd(state.error) ? false : 10_000),
});

/** What was cleared: the name of a table, or `all`. */
export function clearedTable(change: Change): string {
  const { table } = change.parameters as { table?: unknown };
  return typeof table === 'string' ? table : '';
}
