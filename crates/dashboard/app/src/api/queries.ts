import { QueryClient, queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { pollEvery } from './polling';
import { ProblemError } from './problem';

/** Retries if there was no answer, or if the service is busy. Every other problem would be the same again. */
function worthRepeating(failures: number, error: Error): boolean {
  if (error instanceof ProblemError && error.problem.status !== 503) return false;
  return failures < 2;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: worthRepeating, retryDelay: 1_000, staleTime: 5_000, networkMode: 'always' },
    // Changes are never repeated automatically.
    mutations: { retry: false, networkMode: 'always' },
  },
});

/** The data of the pages, by the first part of the keys of its queries. */
export type Resource =
  | 'stats'
  | 'jobs'
  | 'archives'
  | 'changes'
  | 'schedules'
  | 'retention'
  | 'destinations'
  | 'notifications'
  | 'accounts'
  | 'tokens'
  | 'health';

/** Reloads what the pages show of these. */
export function invalidate(...what: Resource[]): void {
  for (const each of what) queries.invalidateQueries({ queryKey: [each] });
}

/** The number of rows of each table. */
export const stats = queryOptions({
  queryKey: ['stats'],
  queryFn: async ({ signal }) => body(await client.GET('/backup/stats', { signal })),
  refetchInterval: pollEvery(30_000),
});
