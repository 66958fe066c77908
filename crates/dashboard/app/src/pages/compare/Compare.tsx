import { Button, Group, Loader, Skeleton, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, backups, proposedBackup, useArchives } from '../../api/archives';
import { body, client } from '../../api/client';
import type { components } from '../../api/schema';
import { ArchiveFromUrl } from '../../components/ArchiveFromUrl';
import { ArchiveSelect, withChosen } from '../../components/ArchiveSelect';
import { Icon } from '../../components/Icon';
import { LoadMoreArchives } from '../../components/LoadMoreArchives';
import { NoBackups } from '../../components/NoBackups';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { downloadByLink } from '../../transfers/store';
import { ChangedRows } from './ChangedRows';
import { CountsByTable } from './CountsByTable';

type DiffCounts = components['schemas']['DiffCounts'];

const LIVE = 'live';
const NOW = [{ value: LIVE, label: 'Current data' }];

/** The routes `/compare` and `/compare/ARCHIVE`. The second one compares that archive with the current data. */
export default function Compare() {
  const [location] = useLocation();
  const [, , chosen = ''] = location.split('/');
  const archives = useArchives();
  // The proposed backup may not be on the loaded pages.
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
      <PageHeader
        title="Compare"
        lead="See the changes between two backups, or between a backup and the current data, row by row."
      />
      {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
      {isLoading && !error && <Skeleton height="10rem" aria-label="Loading the list" />}
      {archives.more && <LoadMoreArchives archives={archives} />}
      {list && chosen !== '' && (
        <ArchiveFromUrl key={chosen} id={chosen} back="/compare">
          {(archive) => comparison(list.items, archive)}
        </ArchiveFromUrl>
      )}
      {list && list.items.length === 0 && chosen === '' && (
        <NoBackups message="There is no backup to compare." />
      )}
      {list &&
        newest.data &&
        list.items.length > 0 &&
        chosen === '' &&
        comparison(list.items, proposedBackup(newest.data.items))}
    </>
  );
}

const comparison = (archives: Archive[], chosen: Archive | undefined) => (
  <Comparison archives={withChosen(archives, chosen)} chosen={chosen} />
);

function Comparison({ archives, chosen }: { archives: Archive[]; chosen: Archive | undefined }) {
  const [from, setFrom] = useState(chosen?.id ?? '');
  const [to, setTo] = useState(LIVE);
  const [table, setTable] = useState<string>();
  const isSame = from === to;
  const isReady = from !== '' && !isSame;
  const counts = useQuery({
    queryKey: ['diff', from, to],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/diff', { params: { query: { from, to } }, signal })) as DiffCounts,
    enabled: isReady,
    // A comparison reads both sides completely. It runs again only on request.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const csv = useMutation({
    mutationFn: () => downloadByLink('Differences as CSV', `/backup/diff?from=${from}&to=${to}&format=csv`),
  });
  const choose = (set: (side: string) => void) => (side: string) => {
    set(side);
    setTable(undefined);
    csv.reset();
  };
  return (
    <Stack gap="xl">
      <Panel label="Backups to compare">
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
            error={isSame ? 'Choose two different backups, or a backup and the current data.' : undefined}
          />
        </Stack>
      </Panel>
      {isReady && counts.isFetching && (
        <Group>
          <Loader size="sm" aria-label="Comparing" />
          <Text>Comparing all rows. This can take a while…</Text>
        </Group>
      )}
      {counts.error && !counts.isFetching && (
        <ProblemAlert error={counts.error} again={{ label: 'Try again', act: () => counts.refetch() }} />
      )}
      {isReady && counts.data && !counts.isFetching && (
        <Panel label="Differences">
          <Stack>
            <CountsByTable diff={counts.data} selected={table} onSelect={setTable} />
            {!counts.data.is_same && (
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
      )}
      {isReady && table && <ChangedRows key={`${from} ${to} ${table}`} from={from} to={to} table={table} />}
    </Stack>
  );
}
