import { Skeleton } from '@mantine/core';
import { ProblemAlert } from './ProblemAlert';

/** The outline of a part of a page until its first answer, and the error of its last load with a new attempt. */
export function QueryState({
  query: { data, error, refetch },
  name,
  height,
}: {
  query: { data: unknown; error: unknown; refetch: () => unknown };
  /** The name of what is loaded, after `the`: `history`. */
  name: string;
  /** The height of the outline. */
  height: string;
}) {
  if (error) {
    return (
      <ProblemAlert
        error={error}
        title={`The ${name} could not be ${data ? 'refreshed' : 'loaded'}`}
        again={{ label: 'Try again', act: () => refetch() }}
      />
    );
  }
  return data ? null : <Skeleton height={height} aria-label={`Loading the ${name}`} />;
}
