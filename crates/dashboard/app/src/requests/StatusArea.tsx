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
 * Above every page: what became of what was asked elsewhere, which jobs have ended, and which run. The job that the page
 * itself shows is left out.
 */
export function StatusArea({ location }: { location: string }) {
  const requests = useSyncExternalStore(subscribe, current);
  const uploads = useUploads();
  const shown = /^\/restore\/job\/([^/]+)/.exec(location)?.[1];
  // The note of a request without an answer has its job.
  const lookup = [...requests, ...(location === '/archives' ? uploads : [])].map(jobOf);
  const drawn = new Set([shown, ...lookup].filter((id) => id !== undefined));
  return (
    <Stack gap="sm" className={classes.outcomes}>
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
