import { Button, Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { backups } from '../../api/archives';
import { stats } from '../../api/queries';
import { nameOf } from '../../api/tables';
import { Notice } from '../../components/Notice';
import { dateTime, listOf, rows } from '../../locale/format';
import { emptied, lastBackup } from './backupState';

/** Warns of tables that have rows in the last backup and none now. */
export function EmptiedTables() {
  const { data: counts } = useQuery(stats);
  const { data: list } = useQuery(backups);
  const last = list && lastBackup(list.items);
  const tables = counts && last ? emptied(counts, last) : [];
  if (!last || tables.length === 0) return null;
  const names = listOf(tables.map((table) => nameOf(table).toLowerCase()));
  const before = listOf(
    tables.map((table) => `${rows(last.rows[table] ?? 0)} of ${nameOf(table).toLowerCase()}`),
  );
  return (
    <Notice kind="error" role="alert" title={`Tables that are now empty: ${names}`} mb="lg">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          The last backup ({dateTime(last.created_at)}) has {before}. If the rows are missing by mistake, undo
          the clear or restore a backup.
        </Text>
        <Group gap="xs">
          <Button component={Link} href="/clear" size="xs" variant="default">
            Undo a clear
          </Button>
          <Button component={Link} href="/restore" size="xs" variant="default">
            Restore a backup
          </Button>
        </Group>
      </Stack>
    </Notice>
  );
}
