import { Alert, Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { clearedTable, undoable } from '../../api/changes';
import { client } from '../../api/client';
import { Refusal } from '../../api/problem';
import { changed } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { dateTime, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import { DialogActions } from '../../parts/DialogActions';
import { Icon } from '../../parts/Icon';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { asDeleted } from '../../requests/lookUp';
import { UnsettledNote } from '../../requests/UnsettledNote';
import { useRequest } from '../../requests/useRequest';
import { DANGER } from '../../theme';

const NAME = 'Delete a backup';
const DELETED = 'The backup was deleted.';

/** Deletes an archive, after a warning if an undo needs it. */
export function DeleteQuestion({ archive, onClose }: { archive: Archive; onClose: () => void }) {
  const { data } = useQuery({ ...undoable, enabled: archive.kind === 'safety' });
  const needing = data?.items.find((change) => change.safety_archive_id === archive.id);
  const remove = useRequest({
    name: () => NAME,
    // The service refuses to delete what an undo needs, unless who asks has read the warning.
    send: async (force: boolean, _, signal) => {
      const query = force ? { force } : {};
      await client.DELETE('/backup/archives/{id}', { params: { path: { id: archive.id }, query }, signal });
      return true as const;
    },
    lookUp: () => asDeleted(archive.id),
    trace: () => ({ by: 'archive', id: archive.id, expected: 'deleted', done: DELETED }),
    done: () => DELETED,
    onSuccess: () => {
      changed('archives', 'changes');
      onClose();
    },
    onError: () => changed('archives', 'changes'),
  });
  const isRefusedForUndo =
    remove.error instanceof Refusal && remove.error.problem.code === 'archive_needed_for_undo';
  const isNeeded = needing !== undefined || isRefusedForUndo;
  const name = archive.label ? `“${isolated(archive.label)}”, ` : '';
  return (
    <Stack>
      <Text>
        {name}
        {dateTime(archive.created_at)}, {rows(archive.total)}. It will be gone for good, and what was cleared
        before it can’t be brought back from it.
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
      {remove.unsettled && <UnsettledNote name={NAME} unsettled={remove.unsettled} />}
      {remove.error && <ProblemAlert error={remove.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color={DANGER} loading={remove.isPending} onClick={() => remove.mutate(isNeeded)}>
          {isNeeded ? 'Delete it all the same' : 'Delete it'}
        </Button>
      </DialogActions>
    </Stack>
  );
}
