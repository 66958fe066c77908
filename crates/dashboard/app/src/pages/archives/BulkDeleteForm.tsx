import { Button, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { remainingWithout } from '../../api/archiveList';
import type { Archive } from '../../api/archives';
import { undoable } from '../../api/changes';
import { backupName } from '../../components/backupName';
import { ConfirmInput } from '../../components/ConfirmInput';
import { changeText } from '../../components/changeText';
import { DialogActions } from '../../components/DialogActions';
import { Notice } from '../../components/Notice';
import { bytes, counted, dateTime, number, rows } from '../../locale/format';
import { DANGER } from '../../theme';
import classes from './Archives.module.css';
import { BulkDeleteProgress } from './BulkDeleteProgress';
import { deletionPreview } from './bulkDeletion';
import { useBulkDeletion } from './useBulkDeletion';

const WORD = 'delete';

/** Shows what would be lost, deletes the selected backups after the word was typed, and reports each outcome. */
export function BulkDeleteForm({
  archives,
  onClose,
  onDeleted,
}: {
  archives: readonly Archive[];
  onClose: () => void;
  onDeleted?: (archives: readonly Archive[]) => void;
}) {
  const { data: changes } = useQuery(undoable());
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  const deletion = useBulkDeletion(onDeleted);
  const preview = deletionPreview(archives, changes?.items ?? []);
  const { deletable } = preview;
  const { data: remaining } = useQuery({
    ...remainingWithout(new Set(deletable.map(({ id }) => id))),
    enabled: deletion.state.at === 'idle',
  });
  if (deletion.state.at !== 'idle') {
    return <BulkDeleteProgress total={archives.length} deletion={deletion} onClose={onClose} />;
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim() !== WORD) return setWrong(true);
    deletion.start(deletable, false);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <Text>
          {counted(deletable.length, 'backup is', 'backups are')} deleted permanently, which frees{' '}
          {bytes(preview.bytes)}. Afterwards no data can be restored from{' '}
          {deletable.length === 1 ? 'it' : 'them'}.
          {remaining && ` ${counted(remaining.total, 'backup remains', 'backups remain')}.`}
        </Text>
        {remaining && !remaining.isReliable && (
          <Notice kind="error" role="note" title="No reliable backup would remain">
            No other undamaged backup was created by this service. Create a new backup first.
          </Notice>
        )}
        {preview.undos.map((change) => (
          <Notice key={change.id} kind="error" role="note" title="One of them is needed to undo a change">
            {change.username} {changeText(change)}. This can be undone until{' '}
            {dateTime(change.undo_until ?? '')}, but not without this backup.
          </Notice>
        ))}
        {preview.protected.length > 0 && (
          <Notice kind="info" role="note" title="Protected backups stay">
            {counted(preview.protected.length, 'selected backup is', 'selected backups are')} protected from
            deletion.
          </Notice>
        )}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
        <section className={classes.preview} tabIndex={0} aria-label="Backups to delete">
          <List size="sm">
            {deletable.map((each) => (
              <List.Item key={each.id}>
                <bdi>{backupName(each)}</bdi>
                {each.label && `, ${dateTime(each.created_at)}`}, {rows(each.total)}
              </List.Item>
            ))}
          </List>
        </section>
        <Text size="sm" c="dimmed">
          The service does not delete the newest backup, or one that an undo needs, without asking again.
        </Text>
        <ConfirmInput
          word={WORD}
          typed={typed}
          wrong={wrong}
          onType={(text) => {
            setTyped(text);
            setWrong(false);
          }}
        />
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color={DANGER} disabled={deletable.length === 0}>
            Delete {number(deletable.length)}
          </Button>
        </DialogActions>
      </Stack>
    </form>
  );
}
