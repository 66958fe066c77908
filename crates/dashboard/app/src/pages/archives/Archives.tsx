import { Alert, Button, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Archive, archives } from '../../api/archives';
import { Icon } from '../../parts/Icon';
import { PageHead } from '../../parts/PageHead';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { Tip } from '../../parts/Tip';
import { DANGER } from '../../theme';
import { ArchiveRow } from './ArchiveRow';
import classes from './Archives.module.css';
import { DeleteDialog } from './DeleteDialog';
import { DetailsDialog } from './DetailsDialog';
import { EditDialog } from './EditDialog';
import { TakeDialog } from './TakeDialog';
import { Upload } from './Upload';

/** What is asked about one archive, or about none yet. */
export type Asked = { what: 'take' } | { what: 'edit' | 'delete' | 'details'; archive: Archive };

export default function Archives() {
  const { data, error, refetch } = useQuery(archives);
  // What was asked last stays while its dialog closes.
  const [asked, setAsked] = useState<Asked>();
  const [opened, setOpened] = useState(false);
  const ask = (next: Asked) => {
    setAsked(next);
    setOpened(true);
  };
  const close = () => setOpened(false);
  const is = (what: Asked['what']) => opened && asked?.what === what;
  const archive = asked && 'archive' in asked ? asked.archive : undefined;
  return (
    <>
      <PageHead
        title="Archives"
        lead="Backups of everything, kept by the service. Each is read back before it counts, and can be restored."
      >
        <Button leftSection={<Icon name="archives" size={18} />} onClick={() => ask({ what: 'take' })}>
          Take a backup…
        </Button>
      </PageHead>
      <Stack gap="xl">
        {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
        {data?.unreadable.map(({ id, code, detail }) => (
          <Alert
            key={id}
            role="alert"
            variant="light"
            color={DANGER}
            title={
              code === 'incomplete' ? `The archive ${id} has no manifest` : `The archive ${id} can’t be read`
            }
          >
            {detail}
          </Alert>
        ))}
        {data && data.items.length > 0 && (
          <ul className={classes.archives}>
            {data.items.map((each) => (
              <ArchiveRow key={each.id} archive={each} ask={ask} />
            ))}
          </ul>
        )}
        {data && data.items.length === 0 && (
          <Text>There is no archive yet. Take a backup now: it takes seconds and hinders nobody.</Text>
        )}
        {!data && !error && <Skeleton height="12rem" aria-label="Reading the list" />}
        <Upload />
        <Tip title="Where should archives be?">
          Somewhere else than the database: on another disk, or in a bucket. Download one from time to time,
          and keep it as you keep passwords, for the users’ password hashes are in it. Rehearse a restore
          before you need one.
        </Tip>
      </Stack>
      <TakeDialog opened={is('take')} onClose={close} />
      {archive && (
        <>
          <EditDialog key={`edit ${archive.id}`} archive={archive} opened={is('edit')} onClose={close} />
          <DeleteDialog
            key={`delete ${archive.id}`}
            archive={archive}
            opened={is('delete')}
            onClose={close}
          />
          <DetailsDialog archive={archive} opened={is('details')} onClose={close} />
        </>
      )}
    </>
  );
}
