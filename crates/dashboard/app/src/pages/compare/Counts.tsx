import { Button, Text } from '@mantine/core';
import type { components } from '../../api/schema';
import { nameOf, TABLES } from '../../api/tables';
import { NumbersByTable } from '../../parts/NumbersByTable';

interface Props {
  diff: components['schemas']['DiffCounts'];
  /** The table whose rows are shown. */
  chosen: string | undefined;
  onChoose: (table: string) => void;
}

/** How many rows differ, by table. */
export function Counts({ diff, chosen, onChoose }: Props) {
  return (
    <>
      <Text role="status">{diff.is_same ? 'Nothing: both sides have the same rows.' : 'They differ.'}</Text>
      <NumbersByTable
        label="Counts by table"
        heads={['Added', 'Removed', 'Changed', 'Same']}
        lines={TABLES.flatMap((table) => {
          const counts = diff.tables[table];
          if (!counts) return [];
          const { added, removed, changed, unchanged } = counts;
          const numbers = [added, removed, changed, unchanged];
          if (added + removed + changed === 0) return [{ table, numbers }];
          const head = <Choose key={table} table={table} chosen={chosen === table} onChoose={onChoose} />;
          return [{ table, head, numbers }];
        })}
      />
    </>
  );
}

function Choose({
  table,
  chosen,
  onChoose,
}: {
  table: string;
  chosen: boolean;
  onChoose: (table: string) => void;
}) {
  return (
    <Button size="compact-sm" variant="light" aria-pressed={chosen} onClick={() => onChoose(table)}>
      {nameOf(table)}
    </Button>
  );
}
