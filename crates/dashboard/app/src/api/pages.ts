// Lists that the API sends in pages.
import { type QueryKey, useInfiniteQuery } from '@tanstack/react-query';
import { pollEvery } from './polling';

/** A page of a list. */
export interface ListPage<T> {
  items: T[];
  /** The number of items of the whole list. */
  total: number;
  /** The number of items before this page. */
  offset: number;
}

export interface PageQuery {
  limit: number;
  offset: number;
}

export type ReadPage<T> = (query: PageQuery, signal: AbortSignal | null) => Promise<ListPage<T>>;

/** The number of items that a list loads at once. */
const PAGE_SIZE = 50;

/** An unchanged page is not sent again, so this costs little. */
const INTERVAL = 30_000;

/** The loaded part of a list, and what loads more of it. */
export interface LoadedList<T> {
  /** `undefined` until the first page has arrived. */
  items: T[] | undefined;
  total: number;
  error: Error | null;
  refetch: () => unknown;
  /** Loads the next page. `undefined` after the last one. */
  more: (() => unknown) | undefined;
  isLoadingMore: boolean;
}

/** A list, loaded page by page. */
export function usePages<T extends { id: number }>(queryKey: QueryKey, read: ReadPage<T>): LoadedList<T> {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam, signal }) => read({ limit: PAGE_SIZE, offset: pageParam }, signal),
    initialPageParam: 0,
    getNextPageParam: nextOffset,
    refetchInterval: pollEvery(INTERVAL),
  });
  return {
    items: data && uniqueItems(data.pages),
    total: data?.pages[0]?.total ?? 0,
    error,
    refetch,
    more: hasNextPage ? () => fetchNextPage() : undefined,
    isLoadingMore: isFetchingNextPage,
  };
}

/** The items of the pages. One that moved to the next page between two requests appears once. */
export function uniqueItems<T extends { id: number | string }>(pages: readonly ListPage<T>[]): T[] {
  const items = new Map<T['id'], T>();
  for (const page of pages) for (const item of page.items) items.set(item.id, item);
  return [...items.values()];
}

/** The offset of the next page, or `undefined` after the last page. */
export function nextOffset({ items, offset, total }: ListPage<unknown>): number | undefined {
  const next = offset + items.length;
  return items.length > 0 && next < total ? next : undefined;
}

/** Searches the whole list, page by page. */
export async function findItem<T>(read: ReadPage<T>, isWanted: (item: T) => boolean): Promise<T | undefined> {
  let offset: number | undefined = 0;
  while (offset !== undefined) {
    const page: ListPage<T> = await read({ limit: 100, offset }, null);
    const found = page.items.find(isWanted);
    if (found) return found;
    offset = nextOffset(page);
  }
  return undefined;
}
