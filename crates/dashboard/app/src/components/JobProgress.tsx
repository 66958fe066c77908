import { Button, Text } from '@mantine/core';
import { cancel, isStopping, type Job, kindLabel, phaseLabel } from '../api/jobs';
import { invalidate } from '../api/queries';
import { duration, number, percent, rows } from '../locale/format';
import { useRequest } from '../requests/useRequest';
import { useIsMine } from '../session/useSession';
import classes from './JobProgress.module.css';
import { ProblemAlert } from './ProblemAlert';
import { ProgressBar } from './ProgressBar';

/** The progress of a job, with a button that cancels it. */
export function JobProgress({ job }: { job: Job }) {
  const isMine = useIsMine(job);
  const what = kindLabel(job);
  const stop = useRequest({
    name: () => `Cancel: ${what}`,
    send: async (_: null, __, signal) => {
      await cancel(job.id, signal);
      return true;
    },
    lookUp: async () => ((await isStopping(job.id)) ? { at: 'done', result: true } : { at: 'none' }),
    // After a reload the state of the job shows the result.
    trace: () => undefined,
    onSettled: () => invalidate('jobs'),
  });
  const total = job.rows_total ?? 0;
  const share = total > 0 ? Math.min(1, job.rows_done / total) : undefined;
  const final = job.phase === 'committing' || job.state === 'cancelling' || stop.isSuccess;
  return (
    <div className={classes.job} data-testid="job">
      <div className={classes.head}>
        <div className={classes.what}>
          <Text fw={550}>{what}</Text>
          <Text size="sm" c="dimmed" aria-live="polite">
            {job.state === 'cancelling' || stop.isSuccess ? 'Cancelling' : phaseLabel(job)}
            {!isMine && (
              <>
                , started by <bdi>{job.username}</bdi>
              </>
            )}
          </Text>
        </div>
        {!final && (
          <Button
            size="xs"
            variant="default"
            loading={stop.isPending}
            aria-label={`Cancel: ${what}`}
            onClick={() => stop.mutate(null)}
          >
            Cancel
          </Button>
        )}
      </div>
      <ProgressBar label={what} share={share} valueText={phaseLabel(job)} />
      <Text size="sm" c="dimmed">
        {share === undefined ? ' ' : `${percent(share)}: ${number(job.rows_done)} of ${rows(total)}`}
        {job.eta_seconds != null && `, about ${duration(job.eta_seconds)} left in this step`}
      </Text>
      {stop.lookup && (
        <Text size="sm" role="status">
          The service has not answered. It is not known yet whether this is being cancelled. The page is
          checking.
        </Text>
      )}
      {stop.error && <ProblemAlert error={stop.error} title="The job was not cancelled" />}
    </div>
  );
}
