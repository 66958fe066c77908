import { Anchor, Group, Text } from '@mantine/core';
import { useId } from 'react';
import { Link } from 'wouter';
import type { Job } from '../api/jobs';
import { detailsOf } from '../components/jobDetails';
import { dateTime } from '../locale/format';
import { jobMessage } from '../requests/jobMessage';
import { RetryJob } from './RetryJob';

/** A job that has ended: its outcome, who started it, where the details are, and a new attempt if it has failed. */
export function EndedJob({ job }: { job: Job }) {
  const id = useId();
  const message = jobMessage(job);
  const details = detailsOf(job);
  if (!message) return null;
  return (
    <>
      <Text size="sm" fw={550} id={id}>
        {message.title}
      </Text>
      <Text size="sm">{message.text}</Text>
      <Text size="sm" c="dimmed">
        {dateTime(job.ended_at ?? job.heartbeat_at)}, by <bdi>{job.username}</bdi>
      </Text>
      <Group gap="sm" mt={4}>
        {details && (
          <Anchor component={Link} href={details} size="sm" aria-describedby={id}>
            Details
          </Anchor>
        )}
        {!message.isSuccess && <RetryJob job={job} describedBy={id} />}
      </Group>
    </>
  );
}
