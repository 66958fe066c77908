import { Stack, Text } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { ProblemAlert } from '../components/ProblemAlert';
import { RunningJobs } from '../components/RunningJobs';
import type { Upload } from '../transfers/uploads';
import { useUploads } from '../transfers/useTransfers';
import { JobNotifications } from './JobNotifications';
import { LookupNotice } from './LookupNotice';
import { Notification } from './Notification';
import classes from './StatusArea.module.css';
import { current, forget, type PendingRequest, subscribe } from './store';

/**
 * The area above every page: outcomes of requests from other pages, notifications of jobs, and running jobs. It leaves
 * out the job that the page itself shows.
 */
export function StatusArea({ location }: { location: string }) {
  const requests = useSyncExternalStore(subscribe, current);
  const uploads = useUploads();
  const shown = /^\/(?:restore|import)\/job\/([^/]+)/.exec(location)?.[1];
  // The notice of a request without an answer shows its job.
  const lookup = [...requests, ...(location === '/archives' ? uploads : [])].map(jobOf);
  const drawn = new Set([shown, ...lookup].filter((id) => id !== undefined));
  return (
    <Stack gap="sm" className={classes.outcomes} data-no-print>
      {requests
        .filter(({ isShown }) => !isShown)
        .map((request) => (
          <Outcome key={request.id} request={request} />
        ))}
      <JobNotifications except={shown} />
      <RunningJobs except={drawn} />
    </Stack>
  );
}

/** The job of a request whose outcome is not known, if it has one. */
function jobOf({ state }: PendingRequest | Upload): string | undefined {
  return state.at === 'looking up' ? state.job?.id : undefined;
}

function Outcome({ request: { id, name, state } }: { request: PendingRequest }) {
  const dismiss = () => forget(id);
  switch (state.at) {
    case 'sending':
      return null;
    case 'looking up':
      return <LookupNotice name={name} lookup={state} />;
    case 'done':
      return (
        <Notification color="green" title={name} onDismiss={dismiss}>
          {state.words}
        </Notification>
      );
    case 'failed':
      return (
        <ProblemAlert error={state.error} title="Not done" again={{ label: 'Dismiss', act: dismiss }}>
          <Text size="sm">{name}</Text>
        </ProblemAlert>
      );
  }
}
