import { Button, Checkbox, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { body, client } from '../../api/client';
import { invalidate } from '../../api/queries';
import type { components } from '../../api/schema';
import { DialogActions } from '../../components/DialogActions';
import { ProblemAlert } from '../../components/ProblemAlert';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpJob } from '../../requests/lookUp';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { ArchiveFields, type ArchiveText, nullIfBlank } from './ArchiveFields';

const NAME = 'Create a backup';
const EMPTY: ArchiveText = { label: '', note: '' };

/** Starts a backup. The page shows its progress. */
export function CreateBackupForm({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState(EMPTY);
  const [isProtected, setProtected] = useState(false);
  const create = useRequest({
    name: () => NAME,
    send: async (request: components['schemas']['CreateArchiveRequest'], key, signal) =>
      body(
        await client.POST('/backup/archives', {
          params: { header: { 'Idempotency-Key': key } },
          body: request,
          signal,
        }),
      ),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: ({ id }) => {
      trackJob(id);
      onClose();
    },
    onSettled: () => {
      invalidate('jobs', 'archives');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!create.isPending)
      create.mutate({ label: nullIfBlank(text.label), note: nullIfBlank(text.note), protected: isProtected });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <ArchiveFields text={text} onChange={setText} />
        <Checkbox
          label="Protect from deletion"
          checked={isProtected}
          onChange={(event) => setProtected(event.currentTarget.checked)}
        />
        {create.lookup && <LookupNotice name={NAME} lookup={create.lookup} />}
        {create.error && <ProblemAlert error={create.error} />}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create a backup
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
