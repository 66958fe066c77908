import { Loader } from '@mantine/core';
import type { Page } from '../pages/registry';
import { CodeProblem } from './CodeProblem';
import { useCode } from './useCode';

/** Loads the code of a page when it is first shown. */
export function LazyPage({ page }: { page: Page }) {
  const { data, error, isFetching, refetch } = useCode(page.path, page.load);
  if (data) return <data.default />;
  if (!error || isFetching) return <Loader aria-label="Loading the page" />;
  return <CodeProblem error={error} onAgain={refetch} />;
}
