import { Button, Checkbox, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { DialogActions } from '../../components/DialogActions';
import { ProblemAlert } from '../../components/ProblemAlert';
import { CREATE_BACKUP, useCreateBackup } from '../../components/useCreateBackup';
import { LookupNotice } from '../../requests/LookupNotice';
import { ArchiveFields, type ArchiveText, nullIfBlank } from './ArchiveFields';

const EMPTY: ArchiveText = { label: '', note: '' };

/** Starts a backup. The page shows its progress. */
export function CreateBackupForm({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState(EMPTY);
  const [isProtected, setProtected] = useState(false);
  const create = useCreateBackup(onClose);
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
        {create.lookup && <LookupNotice name={CREATE_BACKUP} lookup={create.lookup} />}
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
