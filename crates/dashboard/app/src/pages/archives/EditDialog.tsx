import { Button, Group, Modal, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Archive } from '../../api/archives';
import { body, client } from '../../api/client';
import { changed } from '../../api/queries';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { orNothing, Words } from './Words';

interface Props {
  archive: Archive;
  opened: boolean;
  onClose: () => void;
}

export function EditDialog({ archive, opened, onClose }: Props) {
  const [said, setSaid] = useState({ label: archive.label ?? '', note: archive.note ?? '' });
  const edit = useMutation({
    mutationFn: async () =>
      body(
        await client.PATCH('/backup/archives/{id}', {
          params: { path: { id: archive.id } },
          body: { label: orNothing(said.label), note: orNothing(said.note) },
        }),
      ),
    onSuccess: () => {
      changed('archives');
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!edit.isPending) edit.mutate();
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Name and note"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit} noValidate>
        <Stack>
          <Words said={said} onChange={setSaid} />
          {edit.error && <ProblemAlert error={edit.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={edit.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
