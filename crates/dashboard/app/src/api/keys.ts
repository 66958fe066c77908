import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import type { components } from './schema';

export type ArchiveKeys = components['schemas']['ArchiveKeys'];

/** The public keys that new backups are encrypted to. */
export const archiveKeys = queryOptions({
  queryKey: ['keys'],
  queryFn: async ({ signal }) => body(await client.GET('/backup/keys', { signal })),
});

/** The public key that checks certificates. */
export const certificateKey = queryOptions({
  queryKey: ['certificate-key'],
  queryFn: async ({ signal }) => body(await client.GET('/backup/certificate-key', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});
