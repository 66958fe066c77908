import { Button, Group, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { Link } from 'wouter';
import { type Archive, backups } from '../../api/archives';
import { type Change, changesSince } from '../../api/changes';
import { stats } from '../../api/queries';
import { nameOf, type Stats } from '../../api/tables';
import { Notice } from '../../components/Notice';
import { dateTime, listOf, rows } from '../../locale/format';
import { type Fall, falls, lastBackup } from './backupState';

// Most of the time no table has fallen, and the first page stays small.
const FallCause = lazy(async () => ({ default: (await import('./FallCause')).FallCause }));

/** Warns of tables that have fewer rows than the last backup: who removed the rows, and how they come back. */
export function FallenTables() {
  const { data: counts } = useQuery(stats);
  const { data: list } = useQuery(backups);
  const last = list && lastBackup(list.items);
  if (!counts || !last) return null;
  return <FallsSince counts={counts} last={last} />;
}

function FallsSince({ counts, last }: { counts: Stats; last: Archive }) {
  const { data: changes, isPlaceholderData } = useQuery(changesSince(last.created_at, counts.generated_at));
  const fallen = falls(counts, last, changes ?? []);
  if (fallen.length === 0) return null;
  const isEmptied = fallen.some(({ now }) => now === 0);
  const causes = distinct(fallen);
  return (
    <Notice kind={isEmptied ? 'error' : 'warning'} role="alert" title={title(fallen)} mb="lg">
      <Stack gap="sm">
        <Text size="sm">Compared with the last backup ({dateTime(last.created_at)}):</Text>
        <List size="sm">
          {fallen.map(({ table, before, now }) => (
            <List.Item key={table}>
              {rows(before)} of {nameOf(table).toLowerCase()} then, {rows(now)} now
            </List.Item>
          ))}
        </List>
        <Suspense fallback={<Text size="sm">Loading…</Text>}>
          {causes.map((change) => (
            <FallCause key={change.id} change={change} />
          ))}
        </Suspense>
        {changes && !isPlaceholderData && causes.length === 0 && (
          <Text size="sm">
            This service has neither cleared nor restored these tables. The rows were deleted elsewhere.
          </Text>
        )}
        <Group gap="xs">
          <Button component={Link} href={`/restore/${last.id}`} size="xs" variant="default">
            Restore the last backup…
          </Button>
          <Button component={Link} href={`/compare/${last.id}`} size="xs" variant="default">
            Show the differences
          </Button>
        </Group>
      </Stack>
    </Notice>
  );
}

function title(fallen: readonly Fall[]): string {
  const names = (some: readonly Fall[]) => listOf(some.map(({ table }) => nameOf(table).toLowerCase()));
  const emptied = fallen.filter(({ now }) => now === 0);
  if (emptied.length > 0) return `Tables that are now empty: ${names(emptied)}`;
  return `Fewer rows than in the last backup: ${names(fallen)}`;
}

/** Each change once, newest first. */
function distinct(fallen: readonly Fall[]): Change[] {
  const causes = new Map(
    fallen.flatMap(({ causes }) => causes.map((change) => [change.id, change] as const)),
  );
  return [...causes.values()].sort((one, other) => other.id.localeCompare(one.id));
}
