import { Button, Group, Text } from '@mantine/core';
import { Link } from 'wouter';
import { type Change, changedTable, type UndoableKind } from '../../api/changes';
import { nameOf } from '../../api/tables';
import { changeText, isUndoable } from '../../components/changeText';
import { UndoButton } from '../../components/UndoButton';
import { dateTime, rows } from '../../locale/format';
import classes from './Overview.module.css';

/** A change that removed rows: who made it and when, with its undo. */
export function FallCause({ change }: { change: Change }) {
  const { id, kind, username, changed_at, removed_total, undo_until } = change;
  const canUndo = isUndoable(kind) && undo_until != null && Date.parse(undo_until) > Date.now();
  return (
    <Group justify="space-between" gap="xs" className={classes.cause}>
      <Text size="sm" className={classes.causeText}>
        <bdi>{username}</bdi> {isUndoable(kind) ? changeText(change) : ACTIONS[kind]} on{' '}
        {dateTime(changed_at)}: {rows(removed_total)} deleted.
        {canUndo && ` You can undo this until ${dateTime(undo_until)}.`}
      </Text>
      {canUndo ? (
        <UndoButton id={id} kind={kind} what={nameOf(changedTable(change)).toLowerCase()} />
      ) : (
        change.safety_archive_id != null && (
          <Button component={Link} href={`/restore/${change.safety_archive_id}/replace`} variant="default">
            Restore the data from before…
          </Button>
        )
      )}
    </Group>
  );
}

const ACTIONS: Record<Exclude<Change['kind'], UndoableKind>, string> = {
  restore: 'restored a backup',
  undo: 'undid a change',
};
