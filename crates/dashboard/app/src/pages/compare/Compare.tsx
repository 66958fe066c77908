import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { type Archive, backups, proposedBackup, useArchives } from '../../api/archives';
import { queries } from '../../api/queries';
import { ArchiveFromUrl } from '../../components/ArchiveFromUrl';
import { ArchiveSearchInput } from '../../components/ArchiveSearchInput';
import { ArchiveSelect, withChosen } from '../../components/ArchiveSelect';
import { backupName } from '../../components/backupName';
import { Icon } from '../../components/Icon';
import { LoadMoreArchives } from '../../components/LoadMoreArchives';
import { NoBackups } from '../../components/NoBackups';
import { PageHeader } from '../../components/PageHeader';
import { Panel } from '../../components/Panel';
import { ProblemAlert } from '../../components/ProblemAlert';
import { useArchiveSearch } from '../../components/useArchiveSearch';
import { Differences } from './Differences';

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
  // A comparison reads both sides completely, so it starts only when the user asks for it.
  const [isStarted, setStarted] = useState(false);
  const [isUnchosen, setUnchosen] = useState(false);
  const search = useArchiveSearch();
  // The chosen ones, by their id. They may not be among those that are found.
  const [known, setKnown] = useState<readonly Archive[]>(chosen ? [chosen] : []);
  const options = (side: string) =>
    withChosen(
      search.found?.items ?? archives,
      known.find(({ id }) => id === side),
    );
  const isSame = from !== '' && from === to;
  const choose = (set: (side: string) => void) => (side: string) => {
    const archive = options(side).find(({ id }) => id === side);
    if (archive) setKnown([archive, ...known]);
    set(side);
    setStarted(false);
    setUnchosen(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (from === '') return setUnchosen(true);
    if (isSame) return;
    // Another comparison of the same sides reads them again.
    if (isStarted) queries.resetQueries({ queryKey: ['diff', from, to] });
    setStarted(true);
  };
  const nameOfSide = (side: string) => {
    const archive = known.find(({ id }) => id === side);
    return archive ? backupName(archive) : 'Current data';
  };
  return (
    <Stack gap="xl">
      <Panel label="Backups to compare">
        <form onSubmit={submit} noValidate>
          <Stack>
            <ArchiveSearchInput search={search} />
            <ArchiveSelect
              label="From"
              archives={options(from)}
              others={NOW}
              value={from}
              onChoose={choose(setFrom)}
              error={isUnchosen ? 'Choose a backup.' : undefined}
            />
            <ArchiveSelect
              label="To"
              archives={options(to)}
              others={NOW}
              value={to}
              onChoose={choose(setTo)}
              error={isSame ? 'Choose two different backups, or a backup and the current data.' : undefined}
            />
            <Group justify="flex-end">
              <Button
                type="submit"
                variant={isStarted ? 'default' : 'filled'}
                leftSection={<Icon name="compare" size={18} />}
              >
                Compare
              </Button>
            </Group>
          </Stack>
        </form>
      </Panel>
      {isStarted && !isSame && (
        <Differences
          key={`${from} ${to}`}
          from={from}
          to={to}
          sides={{ from: nameOfSide(from), to: nameOfSide(to) }}
        />
      )}
    </Stack>
  );
}
