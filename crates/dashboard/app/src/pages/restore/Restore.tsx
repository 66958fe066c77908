import { Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { type Archive, backups, proposed, useArchives } from '../../api/archives';
import { ArchiveOfAddress } from '../../parts/ArchiveOfAddress';
import { withChosen } from '../../parts/ArchiveSelect';
import { MoreArchives } from '../../parts/MoreArchives';
import { NoArchives } from '../../parts/NoArchives';
import { PageHead } from '../../parts/PageHead';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { Tip } from '../../parts/Tip';
import { Progressing } from './Progressing';
import { Steps } from './Steps';

const steps = (archives: Archive[], chosen: Archive | undefined) => (
  <Steps archives={withChosen(archives, chosen)} chosen={chosen} />
);

/** `/restore`, `/restore/ARCHIVE`, and `/restore/job/JOB`, which survives a reload. */
export default function Restore() {
  const [location] = useLocation();
  const [, , first = '', second = ''] = location.split('/');
  const archives = useArchives();
  // What is proposed may not be among the newest.
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
      <PageHead
        title="Restore"
        lead="Brings back what is in an archive. You see first what would change, and what is there now is kept in a safety archive."
      />
      <Stack gap="xl">
        {first === 'job' ? (
          <Progressing id={second} />
        ) : (
          <>
            {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
            {isLoading && !error && <Skeleton height="16rem" aria-label="Reading the list" />}
            {list && list.items.length === 0 && first === '' && (
              <NoArchives words="There is no archive to restore." />
            )}
            {archives.more && <MoreArchives archives={archives} />}
            {list && first !== '' && (
              <ArchiveOfAddress key={first} id={first} back="/restore">
                {(chosen) => steps(list.items, chosen)}
              </ArchiveOfAddress>
            )}
            {list &&
              newest.data &&
              list.items.length > 0 &&
              first === '' &&
              steps(list.items, proposed(newest.data.items))}
          </>
        )}
        <Tip title="If data has just vanished">
          Nothing is lost that is in an archive. Each clear took a safety archive before it removed anything:
          it is in the list below the date of the clear. The quickest way back from a clear is its Undo on the
          page “Clear”.
        </Tip>
      </Stack>
    </>
  );
}
