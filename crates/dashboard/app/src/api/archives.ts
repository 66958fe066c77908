import { infiniteQueryOptions, queryOptions, useInfiniteQuery } from '@tanstack/react-query';
import { body, client } from './client';
import { nextOffset, uniqueItems } from './pages';
import { pollEvery } from './polling';
import type { components } from './schema';

export type Archive = components['schemas']['Archive'];
export type RestorePlan = components['schemas']['RestorePlan'];
type ArchiveList = components['schemas']['ArchiveList'];

/** The number of archives on a page of the list. */
const PAGE_SIZE = 50;

/** An unchanged list is not sent again, so this costs little. */
const INTERVAL = 30_000;

export interface Backups {
  /** The newest backups that were read. Safety backups are left out. */
  items: Archive[];
  /** Whether all backups were read. */
  isComplete: boolean;
}

/**
 * The newest backups, up to the first reliable one. Usually this reads one page of the backups that were created here,
 * and one page of the uploaded ones.
 */
export const backups = queryOptions({
  queryKey: ['archives', 'backups'],
  queryFn: async ({ signal }): Promise<Backups> => {
    const [created, uploaded] = await Promise.all([
      readUntil('created', (archive) => isOwn(archive) && isProposable(archive), signal),
      readUntil('uploaded', isProposable, signal),
    ]);
    return {
      items: [...created.items, ...uploaded.items],
      isComplete: created.isComplete && uploaded.isComplete,
    };
  },
  refetchInterval: pollEvery(INTERVAL),
});

/** Reads archives of one kind, newest first, up to the page that has a wanted one. */
async function readUntil(
  kind: Archive['kind'],
  isWanted: (archive: Archive) => boolean,
  signal: AbortSignal,
): Promise<Backups> {
  const pages: ArchiveList[] = [];
  let offset: number | undefined = 0;
  while (offset !== undefined) {
    const query = { kind, limit: PAGE_SIZE, offset };
    const page = body(await client.GET('/backup/archives', { params: { query }, signal }));
    pages.push(page);
    offset = nextOffset(page);
    if (page.items.some(isWanted)) break;
  }
  return { items: joinPages(pages).items, isComplete: offset === undefined };
}

/** One archive, whether it is on the loaded pages or not. */
export const archive = (id: string) =>
  queryOptions({
    queryKey: ['archives', id],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/archives/{id}', { params: { path: { id } }, signal })),
  });

const pages = infiniteQueryOptions({
  queryKey: ['archives', 'pages'],
  queryFn: async ({ pageParam, signal }) => {
    const query = { limit: PAGE_SIZE, offset: pageParam };
    return body(await client.GET('/backup/archives', { params: { query }, signal }));
  },
  initialPageParam: 0,
  getNextPageParam: nextOffset,
  refetchInterval: pollEvery(INTERVAL),
});

/** The archives, newest first, in pages. */
export function useArchives() {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(pages);
  return {
    list: data && joinPages(data.pages),
    error,
    refetch,
    more: hasNextPage ? () => fetchNextPage() : undefined,
    isLoadingMore: isFetchingNextPage,
  };
}

export interface JoinedPages {
  items: Archive[];
  /** The number of all archives. */
  total: number;
  unreadable: ArchiveList['unreadable'];
}

/** Joins the pages into one list. */
export function joinPages(pages: ArchiveList[]): JoinedPages {
  const [first] = pages;
  return { items: uniqueItems(pages), total: first?.total ?? 0, unreadable: first?.unreadable ?? [] };
}

/** Whether an archive is a backup that a person created or uploaded. Safety backups hold cleared or replaced data. */
export function isBackup(archive: Archive): boolean {
  return archive.kind !== 'safety';
}

/** The time in the id of an archive, which is when the archive was stored. `undefined` for a name that is not an id. */
export function timeFromId(id: string): string | undefined {
  const time = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)Z/.exec(id);
  return time ? `${time[1]}:${time[2]}:${time[3]}Z` : undefined;
}

/** Whether this service can prove that it created the archive. Then it is a backup of this school's data. */
export function isOwn(archive: Archive): boolean {
  return archive.kind === 'created' && archive.origin === 'made_here';
}

export function isDamaged(archive: Archive): boolean {
  return archive.verification?.result === 'failed';
}

/** Whether a backup has far fewer rows or less money than those before it, and no administrator has accepted it. */
export function isSuspicious({ suspicion }: Archive): boolean {
  return suspicion != null && suspicion.accepted_at == null;
}

/** Sorts by the time of the data, newest first. An old backup that was uploaded today has an old time. */
export function newestFirst(archives: readonly Archive[]): Archive[] {
  return [...archives].sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
}

/**
 * The backup that a restore proposes, if there is one. A safety backup may contain the damaged data, a suspicious one may
 * lack data, and nothing proves the origin of an archive that was found in the store.
 */
export function proposedBackup(archives: readonly Archive[]): Archive | undefined {
  return newestFirst(archives).find(isProposable);
}

/** Whether a restore may propose the archive. */
export function isProposable(archive: Archive): boolean {
  return isBackup(archive) && archive.origin !== 'found' && !isDamaged(archive) && !isSuspicious(archive);
}
