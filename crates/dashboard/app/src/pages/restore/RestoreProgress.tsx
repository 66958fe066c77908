import { Button, Stack, Text } from '@mantine/core';
import { Link } from 'wouter';
import { type Job, resultOf } from '../../api/jobs';
import { TABLES } from '../../api/tables';
import { JobOutcome } from '../../components/JobOutcome';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { TableCounts } from '../../components/TableCounts';
import { dateTime } from '../../locale/format';

/** The progress of a restore, and its report. */
export function RestoreProgress({ id }: { id: string }) {
  return (
    <JobOutcome
      id={id}
      noun="restore"
      failed="Nothing was restored"
      report={(job) => <Report job={job} />}
      next={() => (
        <>
          <Button component={Link} href="/restore" variant="default">
            Restore something else
          </Button>
          <Button component={Link} href="/archives" variant="default">
            Show backups
          </Button>
        </>
      )}
    />
  );
}

function Report({ job }: { job: Job }) {
  const report = resultOf(job, 'restore');
  const safetyBackup = report?.safety_archive_id;
  return (
    <Panel label="Restore report">
      <Stack>
        <Notice kind="success" role="status" title="Restore complete">
          Finished on {dateTime(job.ended_at ?? job.heartbeat_at)}. The service checked the counts and
          references before it saved the changes.
        </Notice>
        <TableCounts
          label="Restored rows by table"
          heads={['Rows written', 'Rows now']}
          lines={TABLES.flatMap((table) => {
            const of = report?.tables[table];
            return of ? [{ table, numbers: [of.inserted + of.updated, of.rows] }] : [];
          })}
        />
        {safetyBackup && (
          <Stack gap="xs" align="flex-start">
            <Text size="sm">The previous data is in a safety backup.</Text>
            <Button component={Link} href={`/restore/${safetyBackup}/replace`} variant="default" size="xs">
              Undo this restore…
            </Button>
          </Stack>
        )}
      </Stack>
    </Panel>
  );
}
