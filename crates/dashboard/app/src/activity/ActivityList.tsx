import { Button, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { JobProgress } from '../components/JobProgress';
import { dismiss } from '../requests/trackedJobs';
import { isActive as isDownloading } from '../transfers/store';
import { TransferRow } from '../transfers/TransferRow';
import { UploadRow } from '../transfers/UploadRow';
import { isActive as isUploading } from '../transfers/uploads';
import classes from './Activity.module.css';
import { EndedJob } from './EndedJob';
import type { Activity } from './useActivity';

/** Everything that runs, has failed or was finished lately. */
export function ActivityList({
  activity: { running, failed, finished, downloads, uploads },
}: {
  activity: Activity;
}) {
  const item = (key: string, content: ReactNode) => (
    <li key={key} className={classes.item}>
      {content}
    </li>
  );
  const transfers = (isRunning: boolean) => [
    ...uploads
      .filter((each) => isUploading(each) === isRunning)
      .map((each) => item(`upload ${each.id}`, <UploadRow upload={each} />)),
    ...downloads
      .filter((each) => isDownloading(each) === isRunning)
      .map((each) => item(`download ${each.id}`, <TransferRow transfer={each} />)),
  ];
  const active = [
    ...running.map((each) => (
      <li key={each.id}>
        <JobProgress job={each} />
      </li>
    )),
    ...transfers(true),
  ];
  const ended = [...transfers(false), ...finished.map((each) => item(each.id, <EndedJob job={each} />))];
  const isEmpty = active.length + failed.length + ended.length === 0;
  return (
    <Stack gap="lg">
      {isEmpty && <Text>Nothing has run yet.</Text>}
      <Section title="Running">{active}</Section>
      <Section
        title="Failed since yesterday"
        action={
          <Button size="xs" variant="default" onClick={() => dismiss(...failed.map(({ id }) => id))}>
            Dismiss all
          </Button>
        }
      >
        {failed.map((each) => (
          <li key={each.id} className={classes.item} data-failed>
            <EndedJob job={each} />
          </li>
        ))}
      </Section>
      <Section title="Finished">{ended}</Section>
    </Stack>
  );
}

function Section({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode[] }) {
  const id = useId();
  if (children.length === 0) return null;
  return (
    <section aria-labelledby={id}>
      <Title order={3} size="h5" id={id} mb="xs">
        {title}
      </Title>
      <Stack gap="sm" align="flex-start">
        <ul className={classes.list}>{children}</ul>
        {action}
      </Stack>
    </section>
  );
}
