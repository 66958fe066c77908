import { Button, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { changed } from '../../api/queries';
import { DialogActions } from '../../parts/DialogActions';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { asChanged } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import { orNothing, Words } from './Words';

const NAME = 'Name and note of a backup';
const SAVED = 'Name and note were saved.';

/** Changes what is said of an archive. */
export function EditForm({ archive, onClose }: { archive: Archive; onClose: () => void }) {
  const [said, setSaid] = useState({ label: archive.label ?? '', note: archive.note ?? '' });
  const edit = useRequest({
    name: () => NAME,
    send: async (wanted: { label: string | null; note: string | null }, _, signal) => {
      const params = { path: { id: archive.id } };
      await client.PATCH('/backup/archives/{id}', { params, body: wanted, signal });
      return true as const;
    },
    lookUp: (expected) => asChanged(archive.id, expected),
    trace: (expected) => ({ by: 'archive', id: archive.id, expected, done: SAVED }),
    done: () => SAVED,
    onSuccess: () => onClose(),
    // Also of one that is gone: then the list is not true any more.
    onSettled: () => changed('archives'),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!edit.isPending) edit.mutate({ label: orNothing(said.label), note: orNothing(said.note) });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Words said={said} onChange={setSaid} />
        {edit.unsettled && <UnsettledNote name={NAME} unsettled={edit.unsettled} />}
        {edit.error && <ProblemAlert error={edit.error} />}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={edit.isPending}>
            Save
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
