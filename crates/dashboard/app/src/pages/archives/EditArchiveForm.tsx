import { Button, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { invalidate } from '../../api/queries';
import { DialogActions } from '../../components/DialogActions';
import { ProblemAlert } from '../../components/ProblemAlert';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpChange } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';
import { ArchiveFields, nullIfBlank } from './ArchiveFields';

const NAME = 'Rename a backup';
const SAVED = 'The name and the note were saved.';

/** Changes the name and the note of an archive. */
export function EditArchiveForm({ archive, onClose }: { archive: Archive; onClose: () => void }) {
  const [text, setText] = useState({ label: archive.label ?? '', note: archive.note ?? '' });
  const edit = useRequest({
    name: () => NAME,
    send: async (wanted: { label: string | null; note: string | null }, _, signal) => {
      const params = { path: { id: archive.id } };
      await client.PATCH('/backup/archives/{id}', { params, body: wanted, signal });
      return true as const;
    },
    lookUp: (expected) => lookUpChange(archive.id, expected),
    trace: (expected) => ({ by: 'archive', id: archive.id, expected, done: SAVED }),
    done: () => SAVED,
    onSuccess: () => onClose(),
    // Also after a failure: the archive may have been deleted.
    onSettled: () => invalidate('archives'),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!edit.isPending) edit.mutate({ label: nullIfBlank(text.label), note: nullIfBlank(text.note) });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <ArchiveFields text={text} onChange={setText} />
        {edit.lookup && <LookupNotice name={NAME} lookup={edit.lookup} />}
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
