import { Button, Group, Loader, Skeleton, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, backups, proposed, useArchives } from '../../api/archives';
import { body, client } from '../../api/client';
import type { components } from '../../api/schema';
import { ArchiveOfAddress } from '../../parts/ArchiveOfAddress';
import { ArchiveSelect, withChosen } from '../../parts/ArchiveSelect';
import { Icon } from '../../parts/Icon';
import { MoreArchives } from '../../parts/MoreArchives';
import { NoArchives } from '../../parts/NoArchives';
import { PageHead } from '../../parts/PageHead';
import { Panel } from '../../parts/Panel';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { downloadByLink } from '../../transfers/store';
import { Counts } from './Counts';
import { Rows } from './Rows';

type DiffCounts = components['schemas']['DiffCounts'];

const LIVE = 'live';
const NOW = [{ value: LIVE, label: 'Now' }];

/** `/compare`, and `/compare/ARCHIVE` for that archive and now. */
export default function Compare() {
  const [location] = useLocation();
  const [, , chosen = ''] = location.split('/');
  const archives = useArchives();
  // What is proposed may not be among the newest.
  const newest = useQuery(backups);
  const { list } = archives;
  const error = archives.error ?? newest.error;
  const refetch = () => {
    archives.refetch();
    newest.refetch();
  };
  const isLoading = !list || (chosen === '' && !newest.data);
  return (
    <>
      <PageHead
        title="Compare"
        lead="What has changed between two archives, or between one and now: row by row."
      />
      {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
      {isLoading && !error && <Skeleton height="10rem" aria-label="Reading the list" />}
      {archives.more && <MoreArchives archives={archives} />}
      {list && chosen !== '' && (
        <ArchiveOfAddress key={chosen} id={chosen} back="/compare">
          {(archive) => sides(list.items, archive)}
        </ArchiveOfAddress>
      )}
      {list && list.items.length === 0 && chosen === '' && (
        <NoArchives words="There is no archive to compare with." />
      )}
      {list &&
        newest.data &&
        list.items.length > 0 &&
        chosen === '' &&
        sides(list.items, proposed(newest.data.items))}
    </>
  );
}

const sides = (archives: Archive[], chosen: Archive | undefined) => (
  <Sides archives={withChosen(archives, chosen)} chosen={chosen} />
);

function Sides({ archives, chosen }: { archives: Archive[]; chosen: Archive | undefined }) {
  const [from, setFrom] = useState(chosen?.id ?? '');
  const [to, setTo] = useState(LIVE);
  const [table, setTable] = useState<string>();
  const same = from === to;
  const ready = from !== '' && !same;
  const counts = useQuery({
    queryKey: ['diff', from, to],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/diff', { params: { query: { from, to } }, signal })) as DiffCounts,
    enabled: ready,
    // A comparison reads both sides to their ends: it is made when it is asked for.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const csv = useMutation({
    mutationFn: () =>
      downloadByLink('Rows that differ, as CSV', `/backup/diff?from=${from}&to=${to}&format=csv`),
  });
  const choose = (set: (side: string) => void) => (side: string) => {
    set(side);
    setTable(undefined);
    csv.reset();
  };
  return (
    <Stack gap="xl">
      <Panel label="What is compared">
        <Stack>
          <ArchiveSelect
            label="From"
            archives={archives}
            others={NOW}
            value={from}
            onChoose={choose(setFrom)}
          />
          <ArchiveSelect
            label="To"
            archives={archives}
            others={NOW}
            value={to}
            onChoose={choose(setTo)}
            error={same ? 'Choose two different sides.' : undefined}
          />
        </Stack>
      </Panel>
      {ready && counts.isFetching && (
        <Group>
          <Loader size="sm" aria-label="Comparing" />
          <Text>Both sides are read to their ends…</Text>
        </Group>
      )}
      {counts.error && !counts.isFetching && (
        <ProblemAlert error={counts.error} again={{ label: 'Try again', act: () => counts.refetch() }} />
      )}
      {ready && counts.data && !counts.isFetching && (
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
      {ready && table && <Rows key={`${from} ${to} ${table}`} from={from} to={to} table={table} />}
    </Stack>
  );
}
