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

/** One archive, also one that is not on the list. */
export const archive = (id: string) =>
  queryOptions({
    queryKey: ['archives', id],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/archives/{id}', { params: { path: { id } }, signal })),
  });

/** The archives that people took or brought; the others stand for what was cleared or replaced. */
export function isBackup(archive: Archive): boolean {
  return archive.kind !== 'safety';
}

/** Whether this service has created it itself, as far as it can prove it: a backup of this school's data. */
export function isOwn(archive: Archive): boolean {
  return archive.kind === 'taken' && archive.origin === 'made_here';
}

export function isDamaged(archive: Archive): boolean {
  return archive.verification?.result === 'failed';
}

/** The latest moments first: an old backup that was uploaded today shows an old moment. */
export function byMoment(archives: readonly Archive[]): Archive[] {
  return [...archives].sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
}

/**
 * What is proposed to be restored, if anything: a safety archive may be the copy of what went wrong, and of an archive that
 * was found in the store nothing proves where it comes from.
 */
export function proposed(archives: readonly Archive[]): Archive | undefined {
  return byMoment(archives).find(
    (archive) => isBackup(archive) && archive.origin !== 'found' && !isDamaged(archive),
  );
}
