import { Alert, Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { type Archive, backups as backupsQuery, isDamaged, isOwn, newestFirst } from '../../api/archives';
import { stats } from '../../api/queries';
import type { Stats } from '../../api/tables';
import { Icon } from '../../components/Icon';
import { ProblemAlert } from '../../components/ProblemAlert';
import { restoreSeconds, verificationStatus } from '../../components/verification';
import { ago, dateTime, duration, rows } from '../../locale/format';
import { BackupChart } from './BackupChart';
import { emptied, lastBackup } from './backupState';

const DAY = 24 * 60 * 60 * 1_000;

/** Answers one question: if all data were lost now, what could be restored, and how fast? */
export function LastBackup() {
  const { data, error, refetch } = useQuery(backupsQuery);
  const { data: counts } = useQuery(stats);
  if (error && !data) {
    return (
      <ProblemAlert
        error={error}
        title="The list of backups can’t be loaded"
        again={{ label: 'Try again', act: () => refetch() }}
      />
    );
  }
  if (!data) return null;
  const backups = newestFirst(data.items);
  const last = lastBackup(data.items);
  if (!last) {
    return (
      <BackupNotice color="yellow" title="There is no backup yet">
        If the data were lost now, it could not be restored. Create a backup now: it takes a few seconds.
      </BackupNotice>
    );
  }
  const seconds = backups.map(restoreSeconds).find((found) => found !== undefined);
  const restore =
    seconds === undefined
      ? `How long a restore takes is not known${data.isComplete ? '' : ' for the newest backups'}. Run a test restore to find out.`
      : `A restore takes about ${duration(Math.max(1, seconds))}.`;
  return (
    <Stack>
      {isDamaged(last) ? (
        <DamagedBackup last={last} intact={backups.find((each) => isOwn(each) && !isDamaged(each))} />
      ) : (
        <BackupNotice
          color={noticeColor(last, counts)}
          title={`Last backup: ${ago(last.created_at)} (${dateTime(last.created_at)})`}
        >
          <BackupSummary backup={last} /> {verificationStatus(last).description}{' '}
          {!isOwn(last) && 'This service has not created a backup yet. '}
          {restore}
        </BackupNotice>
      )}
      {backups.length > 1 && <BackupChart backups={backups} />}
    </Stack>
  );
}

/** Green if the last backup is verified and recent, and no table has become empty since. */
function noticeColor(last: Archive, counts: Stats | undefined): 'green' | 'yellow' {
  const isOld = Date.now() - new Date(last.created_at).getTime() > 7 * DAY;
  const isDataMissing = !counts || emptied(counts, last).length > 0;
  return verificationStatus(last).color === 'green' && isOwn(last) && !isOld && !isDataMissing
    ? 'green'
    : 'yellow';
}

function DamagedBackup({ last, intact }: { last: Archive; intact: Archive | undefined }) {
  return (
    <BackupNotice color="red" title="The last backup is damaged">
      It was created {ago(last.created_at)} ({dateTime(last.created_at)}). <BackupSummary backup={last} />{' '}
      {verificationStatus(last).description} It can’t be restored.{' '}
      {intact
        ? `You can restore the previous backup of ${dateTime(intact.created_at)}.`
        : 'There is no other backup of this school’s data.'}{' '}
      Create a new backup now. Then ask the operator of this service to find the cause of the damage.
    </BackupNotice>
  );
}

function BackupSummary({ backup }: { backup: Archive }) {
  return (
    <>
      {backup.label && (
        <>
          “<bdi>{backup.label}</bdi>”,{' '}
        </>
      )}
      {rows(backup.total)}.
    </>
  );
}

function BackupNotice({
  color,
  title,
  children,
}: {
  color: 'green' | 'yellow' | 'red';
  title: string;
  children: ReactNode;
}) {
  return (
    <Alert
      role={color === 'red' ? 'alert' : 'status'}
      color={color}
      variant="light"
      icon={<Icon name={color === 'green' ? 'check' : 'warning'} />}
      title={title}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{children}</Text>
        <Button component={Link} href="/archives" size="xs" variant="default">
          Show backups
        </Button>
      </Stack>
    </Alert>
  );
}
