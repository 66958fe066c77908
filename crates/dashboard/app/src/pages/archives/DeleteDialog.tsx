import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { clearedTable, undoable } from '../../api/changes';
import { client } from '../../api/client';
import { Refusal } from '../../api/problem';
import { changed } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { dateTime, rows } from '../../locale/format';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { DANGER } from '../../theme';

interface Props {
  archive: Archive;
  opened: boolean;
  onClose: () => void;
}

export function DeleteDialog({ archive, opened, onClose }: Props) {
  const { data } = useQuery({ ...undoable, enabled: opened && archive.kind === 'safety' });
  const needing = data?.items.find((change) => change.safety_archive_id === archive.id);
  const remove = useMutation({
    // The service refuses to delete what an undo needs, unless who asks has read the warning.
    mutationFn: async (force: boolean) => {
      const query = force ? { force } : {};
      await client.DELETE('/backup/archives/{id}', { params: { path: { id: archive.id }, query } });
    },
    onSuccess: () => {
      changed('archives', 'changes');
      onClose();
    },
    onError: () => changed('changes'),
  });
  const isRefusedForUndo =
    remove.error instanceof Refusal && remove.error.problem.code === 'archive_needed_for_undo';
  const isNeeded = needing !== undefined || isRefusedForUndo;
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
        {needing && (
          <Alert
            color={DANGER}
            icon={<Icon name="error" />}
            title="A clear can be undone only with this archive"
          >
            Until {dateTime(needing.undo_until ?? '')}, {needing.username}’s clear of{' '}
            {nameOf(clearedTable(needing)).toLowerCase()} can be undone. Without this archive, it can’t.
          </Alert>
        )}
        {remove.error && <ProblemAlert error={remove.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button color={DANGER} loading={remove.isPending} onClick={() => remove.mutate(isNeeded)}>
            {isNeeded ? 'Delete it all the same' : 'Delete it'}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
