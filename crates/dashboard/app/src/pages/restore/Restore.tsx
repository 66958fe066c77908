import { Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { type Archive, archives, proposed } from '../../api/archives';
import { ArchiveOfAddress } from '../../parts/ArchiveOfAddress';
import { withChosen } from '../../parts/ArchiveSelect';
import { NoArchives } from '../../parts/NoArchives';
import { NotAllListed } from '../../parts/NotAllListed';
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
  const { data, error, refetch } = useQuery(archives);
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
            {!data && !error && <Skeleton height="16rem" aria-label="Reading the list" />}
            {data && data.items.length === 0 && first === '' && (
              <NoArchives words="There is no archive to restore." />
            )}
            {data && first !== '' && (
              <ArchiveOfAddress key={first} id={first} back="/restore">
                {(chosen) => steps(data.items, chosen)}
              </ArchiveOfAddress>
            )}
            {data && <NotAllListed listed={data.items.length} total={data.total} />}
            {data && data.items.length > 0 && first === '' && steps(data.items, proposed(data.items))}
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
