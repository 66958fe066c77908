import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { diffCounts } from '../../api/diff';
import type { Table } from '../../api/tables';
import { Icon } from '../../components/Icon';
import { IdentityPrompt } from '../../components/IdentityPrompt';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { downloadByLink, downloadInPage } from '../../transfers/store';
import { ChangedRows } from './ChangedRows';
import { CountsByTable } from './CountsByTable';

/** The result of a comparison: a summary in words, the counts, and the rows of the chosen table. */
export function Differences({
  from,
  to,
  sides,
}: {
  from: string;
  to: string;
  /** The names of both sides. */
  sides: { from: string; to: string };
}) {
  const [table, setTable] = useState<Table>();
  // The secret key of the backups, if the service does not have it. It is not a part of a query key.
  const identity = useRef<string>(undefined);
  const readIdentity = () => identity.current;
  const { data, error, isFetching, refetch } = useQuery(diffCounts(from, to, readIdentity));
  const csv = useMutation({
    mutationFn: () => {
      const name = 'Differences as CSV';
      const path = `/backup/diff?from=${from}&to=${to}&format=csv`;
      const key = identity.current;
      return key ? downloadInPage(name, { path, identity: key, format: 'csv' }) : downloadByLink(name, path);
    },
  });
  if (isFetching) {
    return (
      <Group>
        <Loader size="sm" aria-label="Comparing" />
        <Text>Comparing all rows. This can take a while…</Text>
      </Group>
    );
  }
  if (error) {
    return (
      <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }}>
        <IdentityPrompt
          error={error}
          action="Compare with this key"
          pending={isFetching}
          onIdentity={(next) => {
            identity.current = next;
            refetch();
          }}
        />
      </ProblemAlert>
    );
  }
  if (!data) return null;
  const counts = table && data.tables[table];
  return (
    <>
      <Panel label="Differences">
        <Stack>
          <CountsByTable diff={data} selected={table} onSelect={setTable} />
          {!data.is_same && (
            <Group justify="flex-end">
              <Button
                variant="default"
                leftSection={<Icon name="download" size={18} />}
                loading={csv.isPending}
                onClick={() => csv.mutate()}
              >
                Download all differences as CSV
              </Button>
            </Group>
          )}
          {csv.error && <ProblemAlert error={csv.error} />}
        </Stack>
      </Panel>
      {table && counts && (
        <ChangedRows
          key={table}
          from={from}
          to={to}
          table={table}
          counts={counts}
          sides={sides}
          identity={readIdentity}
        />
      )}
    </>
  );
}
