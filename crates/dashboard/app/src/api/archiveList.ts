// The list of backups, searched, filtered, sorted and paged by the service.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { type Archive, isDamaged } from './archives';
import { body, client } from './client';
import { nextOffset } from './pages';
import { pollEvery } from './polling';
import type { components, paths } from './schema';

export type ArchiveList = components['schemas']['ArchiveList'];
export type ArchiveKind = Archive['kind'];
/** Which backups a list has, and in which order. */
export type ArchiveQuery = NonNullable<paths['/backup/archives']['get']['parameters']['query']>;

/** The number of backups on a page of a list. */
export const ROWS_ON_PAGE = 50;

/** The most characters of a search. */
export const MAX_SEARCH = 200;

/** An unchanged list is not sent again, so this costs little. */
const INTERVAL = 30_000;

/** One page of the list. The first page has the number 0. */
export const archivePage = (query: ArchiveQuery, page: number) =>
  queryOptions({
    queryKey: ['archives', 'list', query, page],
    queryFn: ({ signal }) =>
      readArchives({ ...query, limit: ROWS_ON_PAGE, offset: page * ROWS_ON_PAGE }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: pollEvery(INTERVAL),
  });

/**
 * Whether an undamaged backup that this service has created would remain without some backups, and how many backups would.
 * It reads pages up to the first such backup.
 */
export const remainingWithout = (ids: ReadonlySet<string>) =>
  queryOptions({
    queryKey: ['archives', 'remaining', [...ids].sort()],
    queryFn: async ({ signal }): Promise<{ total: number; isReliable: boolean }> => {
      const { total } = await readArchives({ limit: 1 }, signal);
      let isReliable = false;
      let offset: number | undefined = 0;
      while (offset !== undefined && !isReliable) {
        const query = { kind: 'created', origin: 'made_here', limit: ROWS_ON_PAGE, offset } as const;
        const page = await readArchives(query, signal);
        isReliable = page.items.some((each) => !ids.has(each.id) && !isDamaged(each));
        offset = nextOffset(page);
      }
      return { total: total - ids.size, isReliable };
    },
  });

async function readArchives(query: ArchiveQuery, signal: AbortSignal): Promise<ArchiveList> {
  return body(await client.GET('/backup/archives', { params: { query }, signal }));
}
