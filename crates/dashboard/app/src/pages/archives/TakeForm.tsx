import { Button, Checkbox, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { body, client } from '../../api/client';
import { changed } from '../../api/queries';
import type { components } from '../../api/schema';
import { DialogActions } from '../../parts/DialogActions';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { follow } from '../../requests/jobNews';
import { asJob } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import { orNothing, type Said, Words } from './Words';

const NAME = 'Take a backup';
const NOTHING: Said = { label: '', note: '' };

/** Takes a backup. How it fares is shown on the page. */
export function TakeForm({ onClose }: { onClose: () => void }) {
  const [said, setSaid] = useState(NOTHING);
  const [isProtected, setProtected] = useState(false);
  const take = useRequest({
    name: () => NAME,
    send: async (asked: components['schemas']['TakeRequest'], key, signal) =>
      body(
        await client.POST('/backup/archives', {
          params: { header: { 'Idempotency-Key': key } },
          body: asked,
          signal,
        }),
      ),
    lookUp: (_, key) => asJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: ({ id }) => {
      follow(id);
      onClose();
    },
    onSettled: () => {
      changed('jobs', 'archives');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!take.isPending)
      take.mutate({ label: orNothing(said.label), note: orNothing(said.note), protected: isProtected });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Words said={said} onChange={setSaid} />
        <Checkbox
          label="Protect it from deletion"
          checked={isProtected}
          onChange={(event) => setProtected(event.currentTarget.checked)}
        />
        {take.unsettled && <UnsettledNote name={NAME} unsettled={take.unsettled} />}
        {take.error && <ProblemAlert error={take.error} />}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={take.isPending}>
            Take a backup
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
