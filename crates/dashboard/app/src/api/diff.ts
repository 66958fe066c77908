import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import type { RowSource } from './archivedRows';
import { body, client } from './client';
import { identityHeader, type ReadIdentity } from './identity';
import type { components } from './schema';

export type DiffCounts = components['schemas']['DiffCounts'];
export type DiffRow = components['schemas']['DiffRow'];
export type RowChange = DiffRow['change'];
type DiffRows = components['schemas']['DiffRows'];

/** The rows in one answer. */
const PAGE_SIZE = 200;

// A comparison reads both sides completely. It runs again only on request.
const ON_REQUEST = {
  staleTime: Number.POSITIVE_INFINITY,
  gcTime: 0,
  refetchOnWindowFocus: false,
  refetchOnReconnect: false,
} as const;

/** The number of differences of each table. */
export const diffCounts = (from: RowSource, to: RowSource, identity: ReadIdentity) =>
  queryOptions({
    queryKey: ['diff', from, to],
    queryFn: async ({ signal }) => {
      const params = { query: { from, to }, header: identityHeader(identity()) };
      return body(await client.GET('/backup/diff', { params, signal })) as DiffCounts;
    },
    ...ON_REQUEST,
  });

/** The rows of a table that differ, in pages. */
export const diffRows = (
  from: RowSource,
  to: RowSource,
  table: string,
  change: RowChange | undefined,
  identity: ReadIdentity,
) =>
  infiniteQueryOptions({
    queryKey: ['diff', from, to, table, change ?? 'all'],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        from,
        to,
        table,
        limit: PAGE_SIZE,
        ...(change && { change }),
        ...(pageParam !== null && { after: pageParam }),
      };
      const params = { query, header: identityHeader(identity()) };
      return body(await client.GET('/backup/diff', { params, signal })) as DiffRows;
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next ?? undefined,
    ...ON_REQUEST,
  });
