import { Button, Checkbox, Group, Modal, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { body, client } from '../../api/client';
import { changed } from '../../api/queries';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { orNothing, type Said, Words } from './Words';

const NOTHING: Said = { label: '', note: '' };

/** Takes a backup. How it fares is shown on the page. */
export function TakeDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const [said, setSaid] = useState(NOTHING);
  const [pinned, setPinned] = useState(false);
  const take = useMutation({
    mutationFn: async () =>
      body(
        await client.POST('/backup/archives', {
          body: { label: orNothing(said.label), note: orNothing(said.note), pinned },
        }),
      ),
    onSuccess: () => {
      setSaid(NOTHING);
      setPinned(false);
      onClose();
    },
    onSettled: () => {
      changed('jobs', 'archives');
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!take.isPending) take.mutate();
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Take a backup"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <form onSubmit={submit} noValidate>
        <Stack>
          <Words said={said} onChange={setSaid} />
          <Checkbox
            label="Pin it: it can’t be deleted until it is unpinned"
            checked={pinned}
            onChange={(event) => setPinned(event.currentTarget.checked)}
          />
          {take.error && <ProblemAlert error={take.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={take.isPending}>
              Take a backup
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
