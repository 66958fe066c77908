import { Button, Text } from '@mantine/core';
import type { components } from '../../api/schema';
import { nameOf, TABLES } from '../../api/tables';
import { TableCounts } from '../../components/TableCounts';

interface Props {
  diff: components['schemas']['DiffCounts'];
  /** The table whose rows are shown. */
  selected: string | undefined;
  onSelect: (table: string) => void;
}

/** How many rows differ, by table. */
export function CountsByTable({ diff, selected, onSelect }: Props) {
  return (
    <>
      <Text role="status">{diff.is_same ? 'Nothing: both sides have the same rows.' : 'They differ.'}</Text>
      <TableCounts
        label="Counts by table"
        heads={['Added', 'Removed', 'Changed', 'Same']}
        lines={TABLES.flatMap((table) => {
          const counts = diff.tables[table];
          if (!counts) return [];
          const { added, removed, changed, unchanged } = counts;
          const numbers = [added, removed, changed, unchanged];
          if (added + removed + changed === 0) return [{ table, numbers }];
          const head = (
            <TableButton key={table} table={table} selected={selected === table} onSelect={onSelect} />
          );
          return [{ table, head, numbers }];
        })}
      />
    </>
  );
}

function TableButton({
  table,
  selected,
  onSelect,
}: {
  table: string;
  selected: boolean;
  onSelect: (table: string) => void;
}) {
  return (
    <Button size="compact-sm" variant="light" aria-pressed={selected} onClick={() => onSelect(table)}>
      {nameOf(table)}
    </Button>
  );
}
