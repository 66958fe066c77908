import { Button, Group, Stack, Text } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import { failures, hasEnded, type Job, job } from '../api/jobs';
import { invalidate } from '../api/queries';
import { detailsOf } from '../components/jobDetails';
import { dateTime } from '../locale/format';
import { useIsMine } from '../session/useSession';
import { jobMessage } from './jobMessage';
import { Notification } from './Notification';
import { current, dismiss, subscribe } from './trackedJobs';

/** The number of notifications that are shown at once. */
const MAX_SHOWN = 3;

/** Reports the outcome of the jobs that this tab started, and the recent failures of all users. */
export function JobNotifications({ except }: { except: string | undefined }) {
  const { started, dismissed } = useSyncExternalStore(subscribe, current);
  const isNews = (id: string) => id !== except && !dismissed.has(id);
  const mine = useQueries({
    queries: [...started.keys()].filter(isNews).map(job),
    combine: (found) => found.flatMap(({ data }) => (data && hasEnded(data) ? [data] : [])),
  });
  const ended = mine.length;
  useEffect(() => {
    if (ended > 0) invalidate('jobs', 'archives', 'changes', 'stats', 'health');
  }, [ended]);
  const { data: failed = [] } = useQuery(failures);
  const others = failed.filter(({ id }) => isNews(id) && !started.has(id));
  const notifications = [...mine.toReversed(), ...others];
  if (notifications.length === 0) return null;
  return (
    <Stack gap="sm">
      {notifications.slice(0, MAX_SHOWN).map((each) => (
        <JobNotification key={each.id} job={each} about={started.get(each.id)} />
      ))}
      {notifications.length > 1 && (
        <Group justify="flex-end">
          {notifications.length > MAX_SHOWN && (
            <Text size="sm" c="dimmed">
              {notifications.length - MAX_SHOWN} more
            </Text>
          )}
          <Button size="xs" variant="default" onClick={() => dismiss(...notifications.map(({ id }) => id))}>
            Dismiss all
          </Button>
        </Group>
      )}
    </Stack>
  );
}

/** The kinds of jobs whose details are a report. */
const HAS_REPORT: readonly Job['kind'][] = ['restore', 'import'];

function JobNotification({ job, about }: { job: Job; about: string | undefined }) {
  const isMine = useIsMine(job);
  const message = jobMessage(job, about);
  const report = HAS_REPORT.includes(job.kind) ? detailsOf(job) : undefined;
  if (!message) return null;
  return (
    <Notification
      color={message.isSuccess ? 'green' : 'red'}
      title={message.title}
      onDismiss={() => dismiss(job.id)}
      action={
        report && (
          <Button component={Link} href={report} size="xs" variant="default">
            Show the report
          </Button>
        )
      }
    >
      {message.text}{' '}
      <Text component="span" size="sm" c="dimmed">
        {dateTime(job.ended_at ?? job.heartbeat_at)}
        {!isMine && (
          <>
            , started by <bdi>{job.username}</bdi>
          </>
        )}
      </Text>
    </Notification>
  );
}
