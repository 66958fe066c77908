import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { client } from '../../api/client';
import { changed } from '../../api/queries';
import { dateTime, rows } from '../../locale/format';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { DANGER } from '../../theme';

interface Props {
  archive: Archive;
  opened: boolean;
  onClose: () => void;
}

export function DeleteDialog({ archive, opened, onClose }: Props) {
  const remove = useMutation({
    mutationFn: async () => {
      await client.DELETE('/backup/archives/{id}', { params: { path: { id: archive.id } } });
    },
    onSuccess: () => {
      changed('archives');
      onClose();
    },
  });
  const name = archive.label ? `“${archive.label}”, ` : '';
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Delete an archive"
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack>
        <Text>
          {name}
          {dateTime(archive.created_at)}, {rows(archive.total)}. It will be gone for good, and what was
          cleared before it can’t be brought back from it.
        </Text>
        {remove.error && <ProblemAlert error={remove.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button color={DANGER} loading={remove.isPending} onClick={() => remove.mutate()}>
            Delete it
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
