import { Button, Code, Skeleton, Stack, Text } from '@mantine/core';
import { type JoinedPages, useArchives } from '../../api/archives';
import { Icon } from '../../components/Icon';
import { LoadMoreArchives } from '../../components/LoadMoreArchives';
import { Notice } from '../../components/Notice';
import { PageHeader } from '../../components/PageHeader';
import { ProblemAlert } from '../../components/ProblemAlert';
import { Tip } from '../../components/Tip';
import { unreadableMessage } from '../../components/unreadableMessage';
import { useDialog } from '../../components/useDialog';
import { ArchiveDialog, type DialogRequest } from './ArchiveDialog';
import { ArchiveRow } from './ArchiveRow';
import classes from './Archives.module.css';
import { UploadArea } from './UploadArea';

export default function Archives() {
  const archives = useArchives();
  const { list, error, refetch } = archives;
  const { opened, opening, open, close } = useDialog<DialogRequest>();
  return (
    <>
      <PageHeader
        title="Backups"
        lead="Complete copies of the school’s data. The service checks each backup that it creates, and each file that you upload."
      >
        <Button leftSection={<Icon name="archives" size={18} />} onClick={() => open({ kind: 'create' })}>
          Create a backup…
        </Button>
      </PageHeader>
      <Stack gap="xl">
        {error && <ProblemAlert error={error} again={{ label: 'Try again', act: () => refetch() }} />}
        {list?.unreadable.map((each) => (
          <Unreadable key={each.id} entry={each} />
        ))}
        {list && list.items.length > 0 && (
          <ul className={classes.archives}>
            {list.items.map((each) => (
              <ArchiveRow key={each.id} archive={each} openDialog={open} />
            ))}
          </ul>
        )}
        {list && list.items.length === 0 && (
          <Text>
            There is no backup yet. Create one now: it takes a few seconds, and everybody can continue to
            work.
          </Text>
        )}
        {!list && !error && <Skeleton height="12rem" aria-label="Loading the list" />}
        <LoadMoreArchives archives={archives} />
        <UploadArea />
        <Tip title="Keep backups safe">
          Store backups on another disk than the database, or in cloud storage. Download one from time to
          time. Protect the file like a password, because it contains the users’ password hashes. Run a test
          restore before you need a backup.
        </Tip>
      </Stack>
      <ArchiveDialog opened={opened} opening={opening} onClose={close} />
    </>
  );
}

/**
 * An entry of the store that can't be read as an archive. The id and the detail are for the operator of the service.
 */
function Unreadable({ entry }: { entry: JoinedPages['unreadable'][number] }) {
  const { title, detail } = unreadableMessage(entry);
  return (
    <Notice kind="error" role="alert" title={title}>
      <Stack gap="xs">
        <Text size="sm">{detail}</Text>
        <Text size="xs" c="dimmed">
          If you ask for help, quote <Code>{entry.id}</Code> <Code>{entry.detail}</Code>
        </Text>
      </Stack>
    </Notice>
  );
}
