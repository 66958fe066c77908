import { Anchor, Badge, List, Menu, Text } from '@mantine/core';
import { Link } from 'wouter';
import { invalidate } from '../../api/queries';
import { runSchedule, type Schedule, schedules } from '../../api/schedules';
import { ItemRow, ItemText } from '../../components/ItemList';
import { ProblemAlert } from '../../components/ProblemAlert';
import { fromNow } from '../../locale/format';
import { isolated } from '../../locale/language';
import { timeInZone } from '../../locale/zone';
import { useUpdateItem } from '../../requests/itemRequests';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { runMessage } from './runMessage';
import type { ScheduleDialogRequest } from './ScheduleDialog';
import { wordsOf } from './times';

const LEVELS = {
  none: undefined,
  digest: 'Verified after each run',
  test_restore: 'Restore tested after each run',
};

/** A schedule: its times in words, its next runs, and its last one. */
export function ScheduleRow({
  schedule,
  onSaved,
  openDialog,
}: {
  schedule: Schedule;
  onSaved: (text: string) => void;
  openDialog: (dialog: ScheduleDialogRequest, from: Element | null) => void;
}) {
  const { id, name, cron, timezone, enabled, verify } = schedule;
  const quoted = `“${isolated(name)}”`;
  const toggle = useUpdateItem(schedules, schedule, (now) =>
    onSaved(`The schedule ${quoted} is ${now.enabled ? 'enabled' : 'disabled'}.`),
  );
  const run = useRequest({
    name: () => `Run the schedule ${quoted} now`,
    send: (_: null, key, signal) => runSchedule(id, key, signal),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job', about: schedule.label ?? name }),
    onSuccess: (job) => {
      trackJob(job.id, schedule.label ?? name);
      onSaved(`A backup of the schedule ${quoted} has begun. Its progress is shown at the top of the page.`);
    },
    onSettled: () => invalidate('jobs', 'schedules', 'archives'),
  });
  // Shows only the error of the last action.
  const start = (action: () => void) => {
    for (const each of [toggle, run]) if (each.isError) each.reset();
    action();
  };
  const level = LEVELS[verify];
  const error = toggle.error ?? run.error;
  return (
    <ItemRow
      name={name}
      badges={
        <>
          <Badge variant="light" color={enabled ? 'green' : 'gray'}>
            {enabled ? 'Enabled' : 'Disabled'}
          </Badge>
          {level && (
            <Badge variant="light" color="gray">
              {level}
            </Badge>
          )}
        </>
      }
      actions={(button) => (
        <>
          <Menu.Item disabled={run.isPending} onClick={() => start(() => run.mutate(null))}>
            Run now
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'edit', schedule }, button.current)}>Edit…</Menu.Item>
          <Menu.Item
            disabled={toggle.isPending}
            onClick={() => start(() => toggle.mutate({ enabled: !enabled }))}
          >
            {enabled ? 'Disable' : 'Enable'}
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'delete', schedule }, button.current)}>
            Delete…
          </Menu.Item>
        </>
      )}
    >
      <Text size="sm">
        {wordsOf(cron) ?? cron} ({timezone})
      </Text>
      <NextRuns schedule={schedule} />
      {schedule.last_run && <LastRun run={schedule.last_run} zone={timezone} />}
      {toggle.lookup && <LookupNotice name={`Change the schedule ${quoted}`} lookup={toggle.lookup} />}
      {run.lookup && <LookupNotice name={`Run the schedule ${quoted} now`} lookup={run.lookup} />}
      {error && <ProblemAlert error={error} />}
    </ItemRow>
  );
}

function NextRuns({ schedule: { name, enabled, next_runs, timezone } }: { schedule: Schedule }) {
  const [next, ...later] = next_runs;
  if (!next) return <ItemText>{enabled ? 'No next run.' : 'Disabled: there is no next run.'}</ItemText>;
  return (
    <>
      <ItemText>
        Next run: {timeInZone(next, timezone)}, {fromNow(next)}
      </ItemText>
      {later.length > 0 && (
        <details>
          <Text component="summary" size="sm" c="dimmed" aria-label={`Later runs of ${name}`}>
            Later runs
          </Text>
          <List size="sm" withPadding>
            {later.map((run) => (
              <List.Item key={run}>{timeInZone(run, timezone)}</List.Item>
            ))}
          </List>
        </details>
      )}
    </>
  );
}

function LastRun({ run, zone }: { run: NonNullable<Schedule['last_run']>; zone: string }) {
  const { text, kind } = runMessage(run, zone);
  return (
    <Text size="sm" c={kind === 'bad' ? 'var(--mantine-color-error)' : 'dimmed'}>
      {text}{' '}
      {run.state === 'succeeded' && (
        <Anchor component={Link} href="/archives" size="sm" underline="always">
          Show backups
        </Anchor>
      )}
    </Text>
  );
}
