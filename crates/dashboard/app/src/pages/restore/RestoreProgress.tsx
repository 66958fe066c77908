import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { Link } from 'wouter';
import { failureOf, hasEnded, type Job, job as jobQuery, resultOf } from '../../api/jobs';
import { invalidate } from '../../api/queries';
import { TABLES } from '../../api/tables';
import { JobProgress } from '../../components/JobProgress';
import { Notice } from '../../components/Notice';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { TableCounts } from '../../components/TableCounts';
import { dateTime } from '../../locale/format';
import { dismiss } from '../../requests/trackedJobs';

/** The progress of a restore, and its report. The restore continues without this page. */
export function RestoreProgress({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(jobQuery(id));
  const ended = data && hasEnded(data);
  useEffect(() => {
    if (!ended) return;
    dismiss(id);
    invalidate('archives', 'stats', 'jobs');
  }, [ended, id]);
  if (!data) {
    if (error) return <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />;
    return <Loader aria-label="Loading the restore" />;
  }
  const failure = failureOf(data);
  return (
    <Stack>
      {!ended && <JobProgress job={data} />}
      {!ended && error && (
        <Text size="sm" c="dimmed" role="status">
          The service does not answer at the moment. The restore continues without this page. The page tries
          again.
        </Text>
      )}
      {failure && <ProblemAlert error={failure} title="Nothing was restored" />}
      {data.state === 'succeeded' && <Report job={data} />}
      {ended && (
        <Group>
          <Button component={Link} href="/restore" variant="default">
            Restore something else
          </Button>
          <Button component={Link} href="/archives" variant="default">
            Show backups
          </Button>
        </Group>
      )}
    </Stack>
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
            <Button component={Link} href={`/restore/${safetyBackup}`} variant="default" size="xs">
              Undo this restore…
            </Button>
          </Stack>
        )}
      </Stack>
    </Panel>
  );
}
