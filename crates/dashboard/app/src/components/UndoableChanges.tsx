import { Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type Change, changedTable, type UndoableKind, undoable } from '../api/changes';
import { nameOf } from '../api/tables';
import { dateTime, number, rows } from '../locale/format';
import classes from './ItemList.module.css';
import { UndoButton } from './UndoButton';

/** The clears or the imports that can still be undone, each with a button. */
export function UndoableChanges({ kind }: { kind: UndoableKind }) {
  const { data } = useQuery(undoable(kind));
  const changes = data?.items ?? [];
  if (data === undefined || changes.length === 0) return null;
  return (
    <section aria-labelledby="undoable">
      <Title order={2} size="h4" id="undoable" mb="sm">
        Can be undone
      </Title>
      <ul className={classes.list}>
        {changes.map((change) => (
          <li key={change.id} className={classes.item} data-wraps>
            <UndoableChange change={change} kind={kind} />
          </li>
        ))}
      </ul>
      {data.total > changes.length && (
        <Text size="sm" c="dimmed" mt="sm">
          These are the newest {number(changes.length)} of {number(data.total)}.
        </Text>
      )}
    </section>
  );
}

/** The texts for each kind of change. */
const TEXTS = {
  clear: {
    title: (change: Change, what: string) => `Cleared ${what}: ${rows(change.removed_total)}`,
    verb: 'Cleared',
  },
  import: {
    title: (change: Change, what: string) =>
      `Imported ${what}: ${rows(change.written_total + change.removed_total)}`,
    verb: 'Imported',
  },
};

function UndoableChange({ change, kind }: { change: Change; kind: UndoableKind }) {
  const what = nameOf(changedTable(change)).toLowerCase();
  const { title, verb } = TEXTS[kind];
  return (
    <>
      <div className={classes.text}>
        <Text fw={550}>{title(change, what)}</Text>
        <Text size="sm" c="dimmed">
          {verb} on {dateTime(change.changed_at)} by <bdi>{change.username}</bdi>. You can undo this until{' '}
          {dateTime(change.undo_until ?? '')}.
        </Text>
      </div>
      <UndoButton id={change.id} kind={kind} what={what} />
    </>
  );
}
