import { Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { type Archive, backups, proposedBackup, useArchives } from '../../api/archives';
import { ArchiveFromUrl } from '../../components/ArchiveFromUrl';
import { withChosen } from '../../components/ArchiveSelect';
import { LoadMoreArchives } from '../../components/LoadMoreArchives';
import { NoBackups } from '../../components/NoBackups';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Tip } from '../../components/Tip';
import type { Mode } from './planRequest';
import { RestoreForm } from './RestoreForm';
import { RestoreProgress } from './RestoreProgress';

const restoreForm = (archives: Archive[], chosen: Archive | undefined, mode?: Mode) => (
  <RestoreForm archives={withChosen(archives, chosen)} chosen={chosen} {...(mode && { mode })} />
);

/**
 * The routes `/restore`, `/restore/ARCHIVE`, `/restore/ARCHIVE/replace` and `/restore/job/JOB`. The last one survives a
 * reload.
 */
export default function Restore() {
  const [location] = useLocation();
  const [, , first = '', second = ''] = location.split('/');
  const archives = useArchives();
  // The proposed backup may not be on the loaded pages.
  const newest = useQuery(backups);
  const { list } = archives;
  const error = archives.error ?? newest.error;
  const refetch = () => {
    archives.refetch();
    newest.refetch();
  };
  const isLoading = !list || (first === '' && !newest.data);
  return (
    <>
      <PageHeader
        title="Restore"
        lead="Restore data from a backup. First you see a preview of the changes. The current data is kept in a safety backup."
      />
      <Stack gap="xl">
        {first === 'job' ? (
          <RestoreProgress id={second} />
        ) : (
          <>
            {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
            {isLoading && !error && <Skeleton height="16rem" aria-label="Loading the list" />}
            {list && list.items.length === 0 && first === '' && (
              <NoBackups message="There is no backup to restore." />
            )}
            {archives.more && <LoadMoreArchives archives={archives} />}
            {list && first !== '' && (
              <ArchiveFromUrl key={first} id={first} back="/restore">
                {(chosen) => restoreForm(list.items, chosen, second === 'replace' ? second : undefined)}
              </ArchiveFromUrl>
            )}
            {list &&
              newest.data &&
              list.items.length > 0 &&
              first === '' &&
              restoreForm(list.items, proposedBackup(newest.data.items))}
          </>
        )}
        <Tip title="If data is missing after a clear">
          Each clear created a safety backup before it deleted anything. The quickest way to get the data back
          is “Undo” on the page “Clear”. You can also restore the safety backup: choose “Before clearing” in
          the list above.
        </Tip>
      </Stack>
    </>
  );
}
