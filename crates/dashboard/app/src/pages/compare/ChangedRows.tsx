import { Group, Loader, SegmentedControl, Stack, Text, Title } from '@mantine/core';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type DiffCounts, diffRows, type RowChange } from '../../api/diff';
import type { ReadIdentity } from '../../api/identity';
import { names } from '../../api/names';
import { nameOf, type Table } from '../../api/tables';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { number } from '../../locale/format';
import { RowList } from './RowList';

const CHANGES: readonly { change: RowChange; label: string }[] = [
  { change: 'added', label: 'Added' },
  { change: 'removed', label: 'Removed' },
  { change: 'changed', label: 'Changed' },
];

interface Props {
  from: string;
  to: string;
  table: Table;
  counts: DiffCounts['tables'][string];
  /** The names of both sides. */
  sides: { from: string; to: string };
  /** The secret key of the backups, if the service does not have it. */
  identity: ReadIdentity;
}

/** The rows of one table that differ, with a filter. More rows are loaded while the user scrolls. */
export function ChangedRows({ from, to, table, counts, sides, identity }: Props) {
  const [change, setChange] = useState<RowChange>();
  const pages = useInfiniteQuery(diffRows(from, to, table, change, identity));
  const { data: known } = useQuery(names(from, to, table, identity));
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const total = change ? counts[change] : counts.added + counts.removed + counts.changed;
  const present = CHANGES.filter((each) => counts[each.change] > 0);
  return (
    <Panel label={`Rows of ${nameOf(table)}`}>
      <Stack>
        <Group justify="space-between">
          <Title order={2} size="h4">
            {nameOf(table)}
          </Title>
          {present.length > 1 && (
            <SegmentedControl
              aria-label="Kind of change"
              value={change ?? 'all'}
              onChange={(next) => setChange(CHANGES.find((each) => each.change === next)?.change)}
              data={[
                { value: 'all', label: 'All' },
                ...present.map((each) => ({ value: each.change, label: each.label })),
              ]}
            />
          )}
        </Group>
        <Text size="sm" c="dimmed" role="status">
          {pages.data ? `Showing ${number(rows.length)} of ${number(total)} rows that differ.` : ' '}
        </Text>
        {rows.length > 0 && (
          <RowList
            rows={rows}
            total={total}
            table={table}
            names={known}
            sides={sides}
            onEnd={() => {
              if (pages.hasNextPage && !pages.isFetching && !pages.error) pages.fetchNextPage();
            }}
          />
        )}
        {pages.error && (
          <ProblemAlert
            error={pages.error}
            again={{
              label: 'Try again',
              act: () => (pages.data ? pages.fetchNextPage() : pages.refetch()),
            }}
          />
        )}
        {pages.isFetching && <Loader size="sm" aria-label="Loading rows" />}
      </Stack>
    </Panel>
  );
}
