import { QueryClient, queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { isSessionEnd, ProblemError } from './problem';

/** A refusal stays one, however often it is repeated; only where the service asks to come again is it tried again. */
function worthRepeating(failures: number, error: Error): boolean {
  if (error instanceof ProblemError && error.problem.status !== 503) return false;
  return failures < 2;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: { retry: worthRepeating, retryDelay: 1_000, staleTime: 5_000, networkMode: 'always' },
    // What changes data is never repeated by itself.
    mutations: { retry: false, networkMode: 'always' },
  },
});

/** What is shown of these may have changed: it is read again. */
export function invalidate(...what: ('stats' | 'jobs' | 'archives' | 'changes')[]): void {
  for (const each of what) queries.invalidateQueries({ queryKey: [each] });
}

/** How many rows there are. */
export const stats = queryOptions({
  queryKey: ['stats'],
  queryFn: async ({ signal }) => body(await client.GET('/backup/stats', { signal })),
  refetchInterval: (query) => (isSessionEnd(query.state.error) ? false : 30_000),
});
