import { Alert, Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { clearedTable, undoable } from '../../api/changes';
import { client } from '../../api/client';
import { ProblemError } from '../../api/problem';
import { invalidate } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { DialogActions } from '../../components/DialogActions';
import { Icon } from '../../components/Icon';
import { ProblemAlert } from '../../components/ProblemAlert';
import { dateTime, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpDeletion } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';
import { DANGER } from '../../theme';

const NAME = 'Delete a backup';
const DELETED = 'The backup was deleted.';

/** Deletes an archive, after a warning if an undo needs it. */
export function DeleteArchiveForm({ archive, onClose }: { archive: Archive; onClose: () => void }) {
  const { data } = useQuery({ ...undoable, enabled: archive.kind === 'safety' });
  const blockingChange = data?.items.find((change) => change.safety_archive_id === archive.id);
  const deletion = useRequest({
    name: () => NAME,
    // The service refuses to delete what an undo needs, unless who asks has read the warning.
    send: async (force: boolean, _, signal) => {
      const query = force ? { force } : {};
      await client.DELETE('/backup/archives/{id}', { params: { path: { id: archive.id }, query }, signal });
      return true as const;
    },
    lookUp: () => lookUpDeletion(archive.id),
    trace: () => ({ by: 'archive', id: archive.id, expected: 'deleted', done: DELETED }),
    done: () => DELETED,
    onSuccess: () => {
      invalidate('archives', 'changes');
      onClose();
    },
    onError: () => invalidate('archives', 'changes'),
  });
  const isRefusedForUndo =
    deletion.error instanceof ProblemError && deletion.error.problem.code === 'archive_needed_for_undo';
  const isNeededForUndo = blockingChange !== undefined || isRefusedForUndo;
  const name = archive.label ? `“${isolated(archive.label)}”, ` : '';
  return (
    <Stack>
      <Text>
        {name}
        {dateTime(archive.created_at)}, {rows(archive.total)}. It will be gone for good, and what was cleared
        before it can’t be brought back from it.
      </Text>
      {blockingChange && (
        <Alert
          color={DANGER}
          icon={<Icon name="error" />}
          title="A clear can be undone only with this archive"
        >
          Until {dateTime(blockingChange.undo_until ?? '')}, {blockingChange.username}’s clear of{' '}
          {nameOf(clearedTable(blockingChange)).toLowerCase()} can be undone. Without this archive, it can’t.
        </Alert>
      )}
      {deletion.lookup && <LookupNotice name={NAME} lookup={deletion.lookup} />}
      {deletion.error && <ProblemAlert error={deletion.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color={DANGER} loading={deletion.isPending} onClick={() => deletion.mutate(isNeededForUndo)}>
          {isNeededForUndo ? 'Delete it all the same' : 'Delete it'}
        </Button>
      </DialogActions>
    </Stack>
  );
}
