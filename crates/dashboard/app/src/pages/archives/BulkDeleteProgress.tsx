import { Button, Group, Stack, Text } from '@mantine/core';
import { ProblemError } from '../../api/problem';
import { backupName } from '../../components/backupName';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { ProblemAlert } from '../../components/ProblemAlert';
import { ProgressBar } from '../../components/ProgressBar';
import { counted, number } from '../../locale/format';
import { isolated } from '../../locale/language';
import { LookupNotice } from '../../requests/LookupNotice';
import { DANGER } from '../../theme';
import { isRefusedAsNeeded } from './refusals';
import type { useBulkDeletion } from './useBulkDeletion';

/** The progress and the report of the deletion of several backups. */
export function BulkDeleteProgress({
  total,
  deletion: { state, start, stop, lookup },
  onClose,
}: {
  total: number;
  deletion: ReturnType<typeof useBulkDeletion>;
  onClose: () => void;
}) {
  const { at, deleted, failed } = state;
  const needed = failed.filter(({ error }) => isRefusedAsNeeded(error)).map(({ archive }) => archive);
  if (at === 'running') {
    const done = deleted.length + failed.length;
    const text = `${number(done)} of ${number(total)}`;
    return (
      <Stack>
        <Text role="status">Deleting backups: {text}</Text>
        <ProgressBar label="Deleting backups" share={done / Math.max(total, 1)} valueText={text} />
        {lookup && <LookupNotice name={lookup.name} lookup={lookup.state} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={stop}>
            Stop after this backup
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack>
      {deleted.length > 0 && (
        <Notice
          kind="success"
          role="status"
          title={`${counted(deleted.length, 'backup was', 'backups were')} deleted`}
        />
      )}
      {failed.map(({ archive, error }) => (
        <ProblemAlert
          key={archive.id}
          error={error}
          {...(error instanceof ProblemError && {
            title: `“${isolated(backupName(archive))}” was not deleted`,
          })}
        />
      ))}
      {deleted.length + failed.length === 0 && <Text role="status">No backup was deleted.</Text>}
      <DialogActions>
        {needed.length > 0 && (
          <Button color={DANGER} onClick={() => start(needed, true)}>
            Delete {counted(needed.length, 'needed backup', 'needed backups')} anyway
          </Button>
        )}
        <Button variant="default" onClick={onClose} data-autofocus>
          Done
        </Button>
      </DialogActions>
    </Stack>
  );
}
