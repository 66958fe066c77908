import { Anchor, Group, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useId } from 'react';
import { Link } from 'wouter';
import { type AuditEvent, type AuditRecord, recentEvents } from '../../api/audit';
import { hasEnded, type Job, jobs } from '../../api/jobs';
import { ProblemError } from '../../api/problem';
import { eventLinks, eventText } from '../../components/auditText';
import { Icon } from '../../components/Icon';
import { detailsOf } from '../../components/jobDetails';
import { Panel } from '../../components/Panel';
import { dateTimeZone } from '../../locale/format';
import { jobMessage } from '../../requests/jobMessage';
import classes from './Overview.module.css';

const MAX_EVENTS = 8;

/** Events that change nothing and disclose nothing, or that another event repeats. The audit shows them. */
const LEFT_OUT: ReadonlySet<AuditEvent> = new Set([
  'sign_in',
  'sign_out',
  'link_created',
  'clear_preview',
  'restore_plan',
  'retention_preview',
  'import_plan',
]);

/** What all users and the service have done lately: the newest events of the audit. */
export function RecentEvents() {
  const { data: list } = useQuery(jobs);
  const ended = list?.items.filter(hasEnded) ?? [];
  const { data: events, error } = useQuery({ ...recentEvents(ended[0]?.id), enabled: list !== undefined });
  // A user without the right to the audit sees the jobs.
  const isRefused = error instanceof ProblemError && error.problem.status === 403;
  const items = isRefused
    ? ended.slice(0, MAX_EVENTS).map((job) => <RecentJob key={job.id} job={job} />)
    : (events ?? [])
        .filter(({ event, result }) => !LEFT_OUT.has(event) || result !== 'succeeded')
        .slice(0, MAX_EVENTS)
        .map((event) => <RecentEvent key={event.id} event={event} />);
  if (items.length === 0) return null;
  return (
    <Panel label="Recent events">
      <Group justify="space-between" mb="sm">
        <Title order={2} size="h4">
          Recent events
        </Title>
        {!isRefused && (
          <Anchor component={Link} href="/audit" size="sm">
            Show the audit
          </Anchor>
        )}
      </Group>
      <ol className={classes.events}>{items}</ol>
    </Panel>
  );
}

function RecentEvent({ event }: { event: AuditRecord }) {
  const [link] = eventLinks(event);
  return (
    <Item
      isGood={event.result === 'succeeded' || event.result === 'repeated'}
      title={eventText(event)}
      when={dateTimeZone(event.at)}
      details={link?.href}
    />
  );
}

function RecentJob({ job }: { job: Job }) {
  const message = jobMessage(job);
  if (!message) return null;
  return (
    <Item
      isGood={message.isSuccess}
      title={message.title}
      when={
        <>
          {dateTimeZone(job.ended_at ?? job.heartbeat_at)}, by <bdi>{job.username}</bdi>
        </>
      }
      details={detailsOf(job)}
    />
  );
}

function Item({
  isGood,
  title,
  when,
  details,
}: {
  isGood: boolean;
  title: string;
  when: ReactNode;
  details: string | undefined;
}) {
  const id = useId();
  return (
    <li className={classes.event} data-failed={!isGood || undefined}>
      <Icon name={isGood ? 'check' : 'error'} size={18} />
      <div>
        <Text size="sm" fw={550} id={id}>
          {title}
        </Text>
        <Text size="sm" c="dimmed">
          {when}.{' '}
          {details && (
            <Anchor component={Link} href={details} size="sm" underline="always" aria-describedby={id}>
              Details
            </Anchor>
          )}
        </Text>
      </div>
    </li>
  );
}
