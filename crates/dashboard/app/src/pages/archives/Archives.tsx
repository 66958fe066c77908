import { Alert, Button, Skeleton, Stack, Text } from '@mantine/core';
import { useArchives } from '../../api/archives';
import { Icon } from '../../parts/Icon';
import { MoreArchives } from '../../parts/MoreArchives';
import { PageHead } from '../../parts/PageHead';
import { ProblemAlert } from '../../parts/ProblemAlert';
import { Tip } from '../../parts/Tip';
import { useDialog } from '../../parts/useDialog';
import { DANGER } from '../../theme';
import { ArchiveDialog, type Asked } from './ArchiveDialog';
import { ArchiveRow } from './ArchiveRow';
import classes from './Archives.module.css';
import { Upload } from './Upload';

export default function Archives() {
  const archives = useArchives();
  const { list, error, refetch } = archives;
  const { opened, opening, open, close } = useDialog<Asked>();
  return (
    <>
      <PageHead
        title="Archives"
        lead="Backups of everything, kept by the service. Each is read back before it counts, and can be restored."
      >
        <Button leftSection={<Icon name="archives" size={18} />} onClick={() => open({ what: 'take' })}>
          Take a backup…
        </Button>
      </PageHead>
      <Stack gap="xl">
        {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
        {list?.unreadable.map(({ id, code, detail }) => (
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
        {list && list.items.length > 0 && (
          <ul className={classes.archives}>
            {list.items.map((each) => (
              <ArchiveRow key={each.id} archive={each} ask={open} />
            ))}
          </ul>
        )}
        {list && list.items.length === 0 && (
          <Text>There is no archive yet. Take a backup now: it takes seconds and hinders nobody.</Text>
        )}
        {!list && !error && <Skeleton height="12rem" aria-label="Reading the list" />}
        <MoreArchives archives={archives} />
        <Upload />
        <Tip title="Where should archives be?">
          Somewhere else than the database: on another disk, or in a bucket. Download one from time to time,
          and keep it as you keep passwords, for the users’ password hashes are in it. Rehearse a restore
          before you need one.
        </Tip>
      </Stack>
      <ArchiveDialog opened={opened} opening={opening} onClose={close} />
    </>
  );
}
