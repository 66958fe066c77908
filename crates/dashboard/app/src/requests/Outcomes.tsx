import { Stack, Text } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { ProblemAlert } from '../parts/ProblemAlert';
import { RunningJobs } from '../parts/RunningJobs';
import type { Upload } from '../transfers/uploads';
import { useUploads } from '../transfers/useTransfers';
import { JobEnds } from './JobEnds';
import { Notice } from './Notice';
import classes from './Outcomes.module.css';
import { current, forget, type PendingRequest, subscribe } from './store';
import { UnsettledNote } from './UnsettledNote';

/**
 * Above every page: what became of what was asked elsewhere, which jobs have ended, and which run. The job that the page
 * itself shows is left out.
 */
export function Outcomes({ location }: { location: string }) {
  const requests = useSyncExternalStore(subscribe, current);
  const uploads = useUploads();
  const shown = /^\/restore\/job\/([^/]+)/.exec(location)?.[1];
  // The note of a request without an answer has its job.
  const unsettled = [...requests, ...(location === '/archives' ? uploads : [])].map(jobOf);
  const drawn = new Set([shown, ...unsettled].filter((id) => id !== undefined));
  return (
    <Stack gap="sm" className={classes.outcomes}>
      {requests
        .filter(({ isShown }) => !isShown)
        .map((request) => (
          <Outcome key={request.id} request={request} />
        ))}
      <JobEnds except={shown} />
      <RunningJobs except={drawn} />
    </Stack>
  );
}

/** The job of a request whose outcome is not known, if it has one. */
function jobOf({ state }: PendingRequest | Upload): string | undefined {
  return state.at === 'unsettled' ? state.job?.id : undefined;
}

function Outcome({ request: { id, name, state } }: { request: PendingRequest }) {
  const dismiss = () => forget(id);
  switch (state.at) {
    case 'sending':
      return null;
    case 'unsettled':
      return <UnsettledNote name={name} unsettled={state} />;
    case 'done':
      return (
        <Notice color="green" title={name} onDismiss={dismiss}>
          {state.words}
        </Notice>
      );
    case 'failed':
      return (
        <ProblemAlert error={state.error} title="It was not done" again={{ label: 'Dismiss', act: dismiss }}>
          <Text size="sm">{name}</Text>
        </ProblemAlert>
      );
  }
}
