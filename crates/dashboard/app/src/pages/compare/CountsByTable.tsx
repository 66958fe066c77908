import { Button, Text } from '@mantine/core';
import type { DiffCounts } from '../../api/diff';
import { nameOf, TABLES, type Table } from '../../api/tables';
import { TableCounts } from '../../components/TableCounts';
import { counted } from '../../locale/format';

interface Props {
  diff: DiffCounts;
  /** The table whose rows are shown below. */
  selected: Table | undefined;
  onSelect: (table: Table) => void;
}

/** The number of differing rows by table. */
export function CountsByTable({ diff, selected, onSelect }: Props) {
  return (
    <>
      <Text role="status">{summary(diff)}</Text>
      <TableCounts
        label="Counts by table"
        heads={['Added', 'Removed', 'Changed', 'Unchanged']}
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

/** The result in one sentence, such as `680 differences in 3 tables`. */
export function summary(diff: Props['diff']): string {
  const differences = Object.values(diff.tables).map(
    ({ added, removed, changed }) => added + removed + changed,
  );
  const tables = differences.filter((count) => count > 0).length;
  if (tables === 0) return 'No differences: all rows are the same.';
  const total = differences.reduce((sum, count) => sum + count, 0);
  return `${counted(total, 'difference', 'differences')} in ${counted(tables, 'table', 'tables')}`;
}

function TableButton({
  table,
  selected,
  onSelect,
}: {
  table: Table;
  selected: boolean;
  onSelect: (table: Table) => void;
}) {
  return (
    <Button size="compact-sm" variant="light" aria-pressed={selected} onClick={() => onSelect(table)}>
      {nameOf(table)}
    </Button>
  );
}
