import { Button, Group, Stack, Text } from '@mantine/core';
import { useQueries, useQuery } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { Link } from 'wouter';
import { failures, hasEnded, type Job, job } from '../api/jobs';
import { changed } from '../api/queries';
import { dateTime } from '../locale/format';
import { useIsMine } from '../session/useSession';
import { current, dismiss, subscribe } from './jobNews';
import { jobWords } from './jobWords';
import { Notice } from './Notice';

/** How many are told at once. */
const MOST = 3;

/** How the jobs that this tab has begun have ended, and which jobs of anybody have failed lately. */
export function JobEnds({ except }: { except: string | undefined }) {
  const { begun, dismissed } = useSyncExternalStore(subscribe, current);
  const isNews = (id: string) => id !== except && !dismissed.has(id);
  const mine = useQueries({
    queries: [...begun.keys()].filter(isNews).map(job),
    combine: (found) => found.flatMap(({ data }) => (data && hasEnded(data) ? [data] : [])),
  });
  const ended = mine.length;
  useEffect(() => {
    if (ended > 0) changed('jobs', 'archives', 'changes', 'stats');
  }, [ended]);
  const { data: failed = [] } = useQuery(failures);
  const others = failed.filter(({ id }) => isNews(id) && !begun.has(id));
  const news = [...mine.toReversed(), ...others];
  if (news.length === 0) return null;
  return (
    <Stack gap="sm">
      {news.slice(0, MOST).map((each) => (
        <JobEnd key={each.id} job={each} about={begun.get(each.id)} />
      ))}
      {news.length > 1 && (
        <Group justify="flex-end">
          {news.length > MOST && (
            <Text size="sm" c="dimmed">
              {news.length - MOST} more
            </Text>
          )}
          <Button size="xs" variant="default" onClick={() => dismiss(...news.map(({ id }) => id))}>
            Dismiss all
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function JobEnd({ job, about }: { job: Job; about: string | undefined }) {
  const isMine = useIsMine(job);
  const words = jobWords(job, about);
  if (!words) return null;
  return (
    <Notice
      color={words.good ? 'green' : 'red'}
      title={words.title}
      onDismiss={() => dismiss(job.id)}
      action={
        job.kind === 'restore' && (
          <Button component={Link} href={`/restore/job/${job.id}`} size="xs" variant="default">
            Show the report
          </Button>
        )
      }
    >
      {words.text}{' '}
      <Text component="span" size="sm" c="dimmed">
        {dateTime(job.ended_at ?? job.heartbeat_at)}
        {!isMine && (
          <>
            , asked for by <bdi>{job.username}</bdi>
          </>
        )}
      </Text>
    </Notice>
  );
}
