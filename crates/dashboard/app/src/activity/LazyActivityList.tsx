import { Loader } from '@mantine/core';
import { CodeProblem } from '../shell/CodeProblem';
import { useCode } from '../shell/useCode';
import type { Activity } from './useActivity';

/** Loads the code of the list when it is first opened. */
export function LazyActivityList({ activity, isWanted }: { activity: Activity; isWanted: boolean }) {
  const load = () => import('./ActivityList');
  const { data, error, isFetching, refetch } = useCode('activity', load, isWanted);
  if (data) return <data.ActivityList activity={activity} />;
  if (!error || isFetching) return <Loader aria-label="Loading the activity" />;
  return <CodeProblem error={error} onAgain={refetch} />;
}
