import { infiniteQueryOptions, queryOptions, useInfiniteQuery } from '@tanstack/react-query';
import { body, client } from './client';
import { isSessionEnd } from './problem';
import type { components } from './schema';

export type Archive = components['schemas']['Archive'];
export type RestorePlan = components['schemas']['RestorePlan'];
type ArchiveList = components['schemas']['ArchiveList'];

/** How many archives a page of the list has. */
const PAGE_SIZE = 50;

/** As long as nothing has changed, asking again brings no list. */
const INTERVAL = 30_000;

export interface Backups {
  /** The newest, as far as they were read. Safety archives are not among them. */
  items: Archive[];
  /** Whether there are no others. */
  isComplete: boolean;
}

/**
 * The newest backups, up to the first one that can be relied on: usually a page of those that were created here, and one of
 * those that were uploaded, however many there are.
 */
export const backups = queryOptions({
  queryKey: ['archives', 'backups'],
  queryFn: async ({ signal }): Promise<Backups> => {
    const [taken, uploaded] = await Promise.all([
      readUntil('taken', (archive) => isOwn(archive) && !isDamaged(archive), signal),
      readUntil('uploaded', isProposable, signal),
    ]);
    return {
      items: [...taken.items, ...uploaded.items],
      isComplete: taken.isComplete && uploaded.isComplete,
    };
  },
  refetchInterval: (query) => (isSessionEnd(query.state.error) ? false : INTERVAL),
});

/** Reads archives of a kind, the newest first, until one of them is it. */
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

/** One archive, also one that is not on the list. */
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
  refetchInterval: (query) => (isSessionEnd(query.state.error) ? false : INTERVAL),
});

/** The archives, the newest first, a page at a time. */
export function useArchives() {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(pages);
  return {
    list: data && joinPages(data.pages),
    error,
    refetch,
    /** Loads the next page, if there is one. */
    more: hasNextPage ? () => fetchNextPage() : undefined,
    isLoadingMore: isFetchingNextPage,
  };
}

export interface JoinedPages {
  items: Archive[];
  /** How many there are in all. */
  total: number;
  unreadable: ArchiveList['unreadable'];
}

/** The offset of the page after this one, if there is one. */
export function nextOffset({ items, offset, total }: ArchiveList): number | undefined {
  const next = offset + items.length;
  return items.length > 0 && next < total ? next : undefined;
}

/** One list of several pages. An archive that moved to the next page in between is in it once. */
export function joinPages(pages: ArchiveList[]): JoinedPages {
  const items = new Map<string, Archive>();
  for (const page of pages) for (const archive of page.items) items.set(archive.id, archive);
  const [first] = pages;
  return { items: [...items.values()], total: first?.total ?? 0, unreadable: first?.unreadable ?? [] };
}

/** The archives that people took or brought; the others stand for what was cleared or replaced. */
export function isBackup(archive: Archive): boolean {
  return archive.kind !== 'safety';
}

/** When an archive came into the store, by the time in its id; nothing for a name that is no id. */
export function timeFromId(id: string): string | undefined {
  const time = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d)Z/.exec(id);
  return time ? `${time[1]}:${time[2]}:${time[3]}Z` : undefined;
}

/** Whether this service has created it itself, as far as it can prove it: a backup of this school's data. */
export function isOwn(archive: Archive): boolean {
  return archive.kind === 'taken' && archive.origin === 'made_here';
}

export function isDamaged(archive: Archive): boolean {
  return archive.verification?.result === 'failed';
}

/** The latest moments first: an old backup that was uploaded today shows an old moment. */
export function newestFirst(archives: readonly Archive[]): Archive[] {
  return [...archives].sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at));
}

/**
 * What is proposed to be restored, if anything: a safety archive may be the copy of what went wrong, and of an archive that
 * was found in the store nothing proves where it comes from.
 */
export function proposedBackup(archives: readonly Archive[]): Archive | undefined {
  return newestFirst(archives).find(isProposable);
}

function isProposable(archive: Archive): boolean {
  return isBackup(archive) && archive.origin !== 'found' && !isDamaged(archive);
}
