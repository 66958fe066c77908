import { Button, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Archive } from '../../api/archives';
import { undoable } from '../../api/changes';
import { client } from '../../api/client';
import { invalidate } from '../../api/queries';
import { backupName } from '../../components/backupName';
import { changeText } from '../../components/changeText';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { ProblemAlert } from '../../components/ProblemAlert';
import { dateTime, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { lookUpDeletion } from '../../requests/lookUp';
import { useRequest } from '../../requests/useRequest';
import { DANGER } from '../../theme';
import { isRefusedAsNeeded } from './refusals';

const NAME = 'Delete a backup';
const DELETED = 'The backup was deleted.';

/** Deletes an archive. If an undo needs it, or if it is the newest backup, a warning comes first. */
export function DeleteArchiveForm({
  archive,
  onClose,
  onDeleted,
}: {
  archive: Archive;
  onClose: () => void;
  onDeleted?: (archives: readonly Archive[]) => void;
}) {
  const { data } = useQuery({ ...undoable(), enabled: archive.kind === 'safety' });
  const blockingChange = data?.items.find((change) => change.safety_archive_id === archive.id);
  const deletion = useRequest({
    name: () => NAME,
    // Without `force` the service refuses to delete an archive that is needed. The warning comes first.
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
      onDeleted?.([archive]);
    },
    onError: () => invalidate('archives', 'changes'),
  });
  const isNeeded = blockingChange !== undefined || isRefusedAsNeeded(deletion.error);
  const name = archive.label ? `“${isolated(backupName(archive))}”, ` : '';
  return (
    <Stack>
      <Text>
        {name}
        {dateTime(archive.created_at)}, {rows(archive.total)}. The backup is deleted permanently. Afterwards
        no data can be restored from it.
      </Text>
      {blockingChange && (
        <Notice kind="error" title="This backup is needed to undo a change">
          {blockingChange.username} {changeText(blockingChange)}. This can be undone until{' '}
          {dateTime(blockingChange.undo_until ?? '')}, but not without this backup.
        </Notice>
      )}
      {deletion.lookup && <LookupNotice name={NAME} lookup={deletion.lookup} />}
      {deletion.error && <ProblemAlert error={deletion.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color={DANGER} loading={deletion.isPending} onClick={() => deletion.mutate(isNeeded)}>
          {isNeeded ? 'Delete anyway' : 'Delete'}
        </Button>
      </DialogActions>
    </Stack>
  );
}
