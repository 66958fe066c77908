import { Button, Loader } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ProblemAlert } from '../components/ProblemAlert';
import type { Page } from '../pages/registry';
import { PageNotLoaded } from './pageNotLoaded';

/**
 * Loads the code of a page when it is first shown. React's `lazy` remembers a failure. Here the user can try again, and
 * the page tries again when the network is back.
 */
export function LazyPage({ page }: { page: Page }) {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['page', page.path],
    queryFn: () =>
      page.load().catch((cause: unknown) => {
        throw new PageNotLoaded(cause);
      }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
    retry: false,
    structuralSharing: false,
  });
  if (data) return <data.default />;
  if (!error || isFetching) return <Loader aria-label="Loading the page" />;
  return (
    <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }}>
      <Button size="xs" variant="default" onClick={() => window.location.reload()}>
        Reload the dashboard
      </Button>
    </ProblemAlert>
  );
}
