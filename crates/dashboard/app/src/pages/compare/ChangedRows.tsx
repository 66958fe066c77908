import { Badge, Button, Group, Loader, Stack, Text, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { body, client } from '../../api/client';
import type { components } from '../../api/schema';
import { nameOf, type Table } from '../../api/tables';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import classes from './Compare.module.css';

type DiffRows = components['schemas']['DiffRows'];
type DiffRow = components['schemas']['DiffRow'];

const CHANGES = {
  added: { label: 'Added', color: 'green' },
  removed: { label: 'Removed', color: 'red' },
  changed: { label: 'Changed', color: 'yellow' },
} as const;

/** The differing rows of one table, in pages. */
export function ChangedRows({ from, to, table }: { from: string; to: string; table: string }) {
  const pages = useInfiniteQuery({
    queryKey: ['diff', from, to, table],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        from,
        to,
        table: table as Table,
        limit: 50,
        ...(pageParam !== null && { after: pageParam }),
      };
      return body(await client.GET('/backup/diff', { params: { query }, signal })) as DiffRows;
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next ?? undefined,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const rows = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Panel label={`Rows of ${nameOf(table)}`}>
      <Stack>
        <Title order={2} size="h4">
          {nameOf(table)}
        </Title>
        <ul className={classes.rows}>
          {rows.map((row) => (
            <ChangedRow key={row.id} row={row} />
          ))}
        </ul>
        {pages.error && <ProblemAlert error={pages.error} />}
        {pages.isFetching && <Loader size="sm" aria-label="Loading rows" />}
        {pages.hasNextPage && !pages.isFetching && (
          <Group justify="center">
            <Button variant="default" onClick={() => pages.fetchNextPage()}>
              Show more
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  );
}

function ChangedRow({ row }: { row: DiffRow }) {
  const { label, color } = CHANGES[row.change];
  return (
    <li className={classes.row}>
      <Group gap="sm">
        <Text fw={550}>ID {row.id}</Text>
        <Badge variant="light" color={color}>
          {label}
        </Badge>
      </Group>
      <dl className={classes.fields}>
        {row.fields.map(({ field, from, to, hidden }) => (
          <div key={field} className={classes.field}>
            <dt>{field}</dt>
            <dd>
              {hidden ? (
                <Text component="span" c="dimmed">
                  Changed (hidden)
                </Text>
              ) : (
                <>
                  {row.change !== 'added' && <del className={classes.before}>{formatValue(from)}</del>}
                  {row.change === 'changed' && ' → '}
                  {row.change !== 'removed' && <ins className={classes.after}>{formatValue(to)}</ins>}
                </>
              )}
            </dd>
          </div>
        ))}
      </dl>
    </li>
  );
}

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '(empty)';
  return value === '' ? '“” (empty text)' : String(value);
}
