import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { archives, isBackup } from '../../api/archives';
import { dateTime, duration, rows } from '../../locale/format';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { restoreSeconds, verified } from '../../parts/verified';
import { Growth } from './Growth';

const DAY = 24 * 60 * 60 * 1_000;

/** The one question: if all were lost now, what would come back, and how soon? */
export function LastBackup() {
  const { data, error, refetch } = useQuery(archives);
  if (error && !data) {
    return (
      <ProblemAlert
        error={error}
        title="The archives can’t be looked at"
        again={{ label: 'Try again', act: () => refetch() }}
      />
    );
  }
  if (!data) return null;
  const backups = data.items.filter(isBackup);
  const last = backups[0];
  const toArchives = (
    <Button component={Link} href="/archives" size="xs" variant="default">
      To the archives
    </Button>
  );
  if (!last) {
    return (
      <Alert
        role="status"
        color="yellow"
        variant="light"
        icon={<Icon name="warning" />}
        title="There is no backup yet"
      >
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            If the data were lost now, nothing could be brought back. Taking one takes seconds.
          </Text>
          {toArchives}
        </Stack>
      </Alert>
    );
  }
  const { color, words } = verified(last);
  const old = Date.now() - new Date(last.created_at).getTime() > 7 * DAY;
  const seconds = backups.map(restoreSeconds).find((found) => found !== undefined);
  const bad = color === 'red';
  const good = color === 'green' && !old;
  return (
    <Stack>
      <Alert
        role="status"
        color={bad ? 'red' : good ? 'green' : 'yellow'}
        variant="light"
        icon={<Icon name={good ? 'check' : 'warning'} />}
        title={`The last backup is of ${dateTime(last.created_at)}`}
      >
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            {last.label && `“${last.label}”, `}
            {rows(last.total)}. {words}{' '}
            {seconds === undefined
              ? 'How long a restore takes is not known: rehearse one.'
              : `A restore takes about ${duration(Math.max(1, seconds))}.`}{' '}
            No next one is planned here: whoever runs the service schedules <code>campus-backup backup</code>.
          </Text>
          <Group gap="xs">{toArchives}</Group>
        </Stack>
      </Alert>
      {backups.length > 1 && <Growth backups={backups} />}
    </Stack>
  );
}
