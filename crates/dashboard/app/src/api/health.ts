import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { pollEvery } from './polling';
import type { components } from './schema';

export type BackupHealth = components['schemas']['BackupHealth'];
export type HealthReason = components['schemas']['BackupHealthReason'];

/** The health of the backups. */
export const health = queryOptions({
  queryKey: ['health'],
  queryFn: async ({ signal }) => body(await client.GET('/backup/health', { signal })),
  refetchInterval: pollEvery(30_000),
});
