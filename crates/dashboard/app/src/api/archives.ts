import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { isSessionEnd } from './problem';
import type { components } from './schema';

export type Archive = components['schemas']['Archive'];
export type RestorePlan = components['schemas']['RestorePlan'];

/** All archives, the newest first. */
export const archives = queryOptions({
  queryKey: ['archives'],
  queryFn: async ({ signal }) =>
    body(await client.GET('/backup/archives', { params: { query: { limit: 1000 } }, signal })),
  refetchInterval: (query) => (isSessionEnd(query.state.error) ? false : 30_000),
});

/** The archives that people took or brought; the others stand for what was cleared or replaced. */
export function isBackup(archive: Archive): boolean {
  return archive.kind !== 'safety';
}
