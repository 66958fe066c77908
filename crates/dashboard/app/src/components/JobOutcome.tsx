import { Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { failureOf, hasEnded, type Job, job as jobQuery } from '../api/jobs';
import { invalidate } from '../api/queries';
import { dismiss } from '../requests/trackedJobs';
import { JobProgress } from './JobProgress';
import { ProblemAlert } from './ProblemAlert';

/** The progress of a job that changes the data, and its report. The job continues without this page. */
export function JobOutcome({
  id,
  noun,
  failed,
  report,
  next,
}: {
  id: string;
  /** The noun of the job, such as `restore`. */
  noun: string;
  /** The title of a failure. */
  failed: string;
  report: (job: Job) => ReactNode;
  /** What to do after the job has ended. */
  next: (job: Job) => ReactNode;
}) {
  const { data, error, refetch } = useQuery(jobQuery(id));
  const ended = data && hasEnded(data);
  useEffect(() => {
    if (!ended) return;
    dismiss(id);
    invalidate('archives', 'stats', 'jobs', 'changes');
  }, [ended, id]);
  if (!data) {
    if (error) return <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />;
    return <Loader aria-label={`Loading the ${noun}`} />;
  }
  const failure = failureOf(data);
  return (
    <Stack>
      {!ended && <JobProgress job={data} />}
      {!ended && error && (
        <Text size="sm" c="dimmed" role="status">
          The service does not answer at the moment. The {noun} continues without this page. The page tries
          again.
        </Text>
      )}
      {failure && <ProblemAlert error={failure} title={failed} />}
      {data.state === 'succeeded' && report(data)}
      {ended && <Group>{next(data)}</Group>}
    </Stack>
  );
}
