import { Button, Stack, Text, Title } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { body, client } from '../../api/client';
import { type Job, jobs, told } from '../../api/jobs';
import { changed } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { dateTime, rows } from '../../locale/format';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import classes from './Clear.module.css';

/** The clears that can still be undone, each with its button, until its time is up. */
export function RecentClears() {
  const { data } = useQuery(jobs);
  const all = data?.items ?? [];
  const undone = new Set(
    all
      .filter(({ kind, state }) => kind === 'undo' && state === 'succeeded')
      .map((job) => told(job, 'clear_id')),
  );
  const clears = all.filter((job) => {
    const until = told(job, 'undo_until');
    return (
      job.kind === 'clear' &&
      job.state === 'succeeded' &&
      until !== undefined &&
      new Date(until).getTime() > Date.now() &&
      !undone.has(job.id)
    );
  });
  if (clears.length === 0) return null;
  return (
    <section aria-labelledby="recent">
      <Title order={2} size="h4" id="recent" mb="sm">
        Can be undone
      </Title>
      <ul className={classes.actions}>
        {clears.map((job) => (
          <li key={job.id} className={classes.action}>
            <Clear job={job} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Clear({ job }: { job: Job }) {
  const what = nameOf(told(job, 'table') ?? '').toLowerCase();
  const removed = (job.result as { removed?: Record<string, number> } | null)?.removed ?? {};
  const total = Object.values(removed).reduce((sum, count) => sum + count, 0);
  return (
    <Stack gap="xs" className={classes.words}>
      <div className={classes.line}>
        <div className={classes.words}>
          <Text fw={550}>
            Cleared {what}: {rows(total)}
          </Text>
          <Text size="sm" c="dimmed">
            On {dateTime(job.ended_at ?? job.created_at)} by {job.username}. Until{' '}
            {dateTime(told(job, 'undo_until') ?? '')}.
          </Text>
        </div>
        <Undo id={job.id} what={what} />
      </div>
    </Stack>
  );
}

/** Takes a clear back, or says what stands in the way. */
export function Undo({ id, what, onDone }: { id: string; what: string; onDone?: (rows: number) => void }) {
  const undo = useMutation({
    mutationFn: async () => body(await client.POST('/backup/clear/{id}/undo', { params: { path: { id } } })),
    onSuccess: ({ restored_total }) => onDone?.(restored_total),
    onSettled: () => {
      changed('jobs', 'stats', 'archives');
    },
  });
  return (
    <Stack gap="xs" align="flex-end">
      <Button
        variant="default"
        leftSection={<Icon name="undo" size={18} />}
        loading={undo.isPending}
        aria-label={`Undo: clear ${what}`}
        onClick={() => undo.mutate()}
      >
        Undo
      </Button>
      {undo.error && <ProblemAlert error={undo.error} title="It was not undone" />}
    </Stack>
  );
}
