import { Anchor, Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { type BackupHealth, health } from '../../api/health';
import { Icon } from '../../components/Icon';
import { Notice } from '../../components/Notice';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { QueryState } from '../../components/QueryState';
import { dateTimeZone } from '../../locale/format';
import { HealthReasons } from '../overview/HealthReasons';
import { factsOf } from './facts';
import classes from './Health.module.css';

export default function Health() {
  const query = useQuery(health);
  const { data, isFetching, refetch } = query;
  return (
    <>
      <PageHeader
        title="Health"
        lead="Whether backups are created, verified and usable, and what to do if not."
      >
        <Button
          variant="default"
          leftSection={<Icon name="refresh" size={18} />}
          loading={isFetching}
          onClick={() => refetch()}
        >
          Refresh
        </Button>
      </PageHeader>
      <Stack gap="md">
        <QueryState query={query} name="health" height="12rem" />
        {data && <Status status={data.status} />}
        {data && <HealthReasons health={data} />}
        {data && (
          <Panel label="Facts">
            <Facts health={data} />
          </Panel>
        )}
        {data && (
          <Text size="sm" c="dimmed">
            Checked: {dateTimeZone(data.checked_at)}. This is refreshed automatically.
          </Text>
        )}
      </Stack>
    </>
  );
}

const STATUS = {
  ok: {
    kind: 'success',
    title: 'The backups are in order',
    text: 'Backups are created, and the last one is usable.',
  },
  warning: {
    kind: 'warning',
    title: 'Something should be corrected',
    text: 'Backups can be created. Follow the proposals below.',
  },
  failing: {
    kind: 'error',
    title: 'The data is not safe',
    text: 'There may be no usable backup. Follow the proposals below now.',
  },
} as const;

function Status({ status }: { status: BackupHealth['status'] }) {
  const { kind, title, text } = STATUS[status];
  return (
    <Notice kind={kind} role={status === 'failing' ? 'alert' : 'status'} title={title}>
      {text}
    </Notice>
  );
}

function Facts({ health }: { health: BackupHealth }) {
  return (
    <dl className={classes.facts}>
      {factsOf(health).map(({ name, text, link }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
          {link && (
            <dd>
              <Anchor component={Link} href={link.href} size="sm">
                {link.label}
              </Anchor>
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}
