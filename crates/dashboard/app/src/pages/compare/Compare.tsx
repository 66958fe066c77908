import { Button, Group, Loader, NativeSelect, Skeleton, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, archives } from '../../api/archives';
import { body, client } from '../../api/client';
import type { components } from '../../api/schema';
import { Icon } from '../../parts/Icon';
import { NoArchives } from '../../parts/NoArchives';
import { PageHead } from '../../parts/PageHead';
import { Panel } from '../../parts/Panel';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { handOver } from '../../transfers/store';
import { inALine } from '../restore/request';
import { Counts } from './Counts';
import { Rows } from './Rows';

type DiffCounts = components['schemas']['DiffCounts'];

const LIVE = 'live';

/** `/compare`, and `/compare/ARCHIVE` for that archive and now. */
export default function Compare() {
  const [location] = useLocation();
  const [, , chosen = ''] = location.split('/');
  const { data, error, refetch } = useQuery(archives);
  return (
    <>
      <PageHead
        title="Compare"
        lead="What has changed between two archives, or between one and now: row by row."
      />
      {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
      {!data && !error && <Skeleton height="10rem" aria-label="Reading the list" />}
      {data && data.items.length === 0 && <NoArchives words="There is no archive to compare with." />}
      {data && data.items.length > 0 && <Sides key={chosen} archives={data.items} chosen={chosen} />}
    </>
  );
}

function Sides({ archives, chosen }: { archives: Archive[]; chosen: string }) {
  const known = archives.some(({ id }) => id === chosen);
  const [from, setFrom] = useState(known ? chosen : (archives[0]?.id ?? LIVE));
  const [to, setTo] = useState(LIVE);
  const [table, setTable] = useState<string>();
  const same = from === to;
  const sides = [
    ...archives.map((archive) => ({ value: archive.id, label: inALine(archive) })),
    { value: LIVE, label: 'Now' },
  ];
  const counts = useQuery({
    queryKey: ['diff', from, to],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/diff', { params: { query: { from, to } }, signal })) as DiffCounts,
    enabled: !same,
    // A comparison reads both sides to their ends: it is made when it is asked for.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const csv = useMutation({ mutationFn: () => handOver(`/backup/diff?from=${from}&to=${to}&format=csv`) });
  const choose = (set: (side: string) => void) => (event: { currentTarget: { value: string } }) => {
    set(event.currentTarget.value);
    setTable(undefined);
    csv.reset();
  };
  return (
    <Stack gap="xl">
      <Panel label="What is compared">
        <Stack>
          <NativeSelect label="From" value={from} onChange={choose(setFrom)} data={sides} />
          <NativeSelect
            label="To"
            value={to}
            onChange={choose(setTo)}
            data={sides}
            error={same ? 'Choose two different sides.' : undefined}
          />
        </Stack>
      </Panel>
      {!same && counts.isFetching && (
        <Group>
          <Loader size="sm" aria-label="Comparing" />
          <Text>Both sides are read to their ends…</Text>
        </Group>
      )}
      {counts.error && !counts.isFetching && (
        <ProblemAlert error={counts.error} again={{ label: 'Try again', act: () => counts.refetch() }} />
      )}
      {!same && counts.data && !counts.isFetching && (
        <Panel label="What differs">
          <Stack>
            <Counts diff={counts.data} chosen={table} onChoose={setTable} />
            {!counts.data.is_same && (
              <Group justify="flex-end">
                <Button
                  variant="default"
                  leftSection={<Icon name="download" size={18} />}
                  loading={csv.isPending}
                  onClick={() => csv.mutate()}
                >
                  All rows that differ, as CSV
                </Button>
              </Group>
            )}
            {csv.error && <ProblemAlert error={csv.error} />}
          </Stack>
        </Panel>
      )}
      {!same && table && <Rows key={`${from} ${to} ${table}`} from={from} to={to} table={table} />}
    </Stack>
  );
}
