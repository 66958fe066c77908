import { Anchor, Button, Group, Stack, Text } from '@mantine/core';
import { Link, useLocation } from 'wouter';
import type { Archive } from '../../api/archives';
import { isDamaged } from '../../api/archives';
import { backupName } from '../../components/backupName';
import { Icon } from '../../components/Icon';
import { Notice } from '../../components/Notice';
import { PageHeader } from '../../components/PageHeader';
import { useDialog } from '../../components/useDialog';
import { verificationStatus } from '../../components/verification';
import { dateTimeZone, rows } from '../../locale/format';
import { ActionOutcome } from './ActionOutcome';
import { ArchiveBadges } from './ArchiveBadges';
import { ArchiveContents } from './ArchiveContents';
import { ArchiveDialog, type DialogRequest } from './ArchiveDialog';
import { ArchiveFacts } from './ArchiveFacts';
import { CopyTable } from './CopyTable';
import { SuspicionNotice } from './SuspicionNotice';
import { useArchiveActions } from './useArchiveActions';
import { VerificationTable } from './VerificationTable';

/** The page of one backup: what it contains, how it was checked, where its copies are, and its actions. */
export function ArchivePage({ archive }: { archive: Archive }) {
  const [, go] = useLocation();
  const dialog = useDialog<DialogRequest>();
  const actions = useArchiveActions(archive);
  return (
    <>
      <Anchor component={Link} href="/archives" size="sm" data-no-print>
        All backups
      </Anchor>
      <PageHeader
        title={<bdi>{backupName(archive)}</bdi>}
        lead={`Data of ${dateTimeZone(archive.created_at)}, ${rows(archive.total)}.`}
      >
        <Group gap="xs">
          <Button
            component={Link}
            href={`/restore/${archive.id}`}
            leftSection={<Icon name="restore" size={18} />}
          >
            Restore…
          </Button>
          <Button component={Link} href={`/compare/${archive.id}`} variant="default">
            Compare with current data
          </Button>
          <Button
            variant="default"
            leftSection={<Icon name="download" size={18} />}
            onClick={actions.download}
          >
            Download
          </Button>
          <Button variant="default" onClick={actions.showCertificate}>
            Certificate
          </Button>
        </Group>
      </PageHeader>
      <Stack gap="lg">
        <ActionOutcome actions={actions} />
        <ArchiveBadges archive={archive} />
        {isDamaged(archive) && (
          <Notice kind="error" role="note" title="This backup is damaged">
            {verificationStatus(archive).description} It can’t be restored. Create a new backup now.
          </Notice>
        )}
        <SuspicionNotice archive={archive} />
        {archive.note && (
          <Text>
            <bdi>{archive.note}</bdi>
          </Text>
        )}
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={() => dialog.open({ kind: 'edit', archive })}>
            Rename…
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={actions.isProtecting}
            onClick={() => actions.protect(!archive.protected)}
          >
            {archive.protected ? 'Remove protection' : 'Protect from deletion'}
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={actions.isVerifying}
            onClick={() => actions.verify('digest')}
          >
            Verify
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={actions.isVerifying}
            onClick={() => actions.verify('test_restore')}
          >
            Test restore
          </Button>
          <Button
            size="xs"
            variant="default"
            disabled={archive.protected}
            onClick={() => dialog.open({ kind: 'delete', archive })}
          >
            Delete…
          </Button>
        </Group>
        <ArchiveContents archive={archive} />
        <VerificationTable archive={archive} />
        <CopyTable copies={archive.copies} />
        <ArchiveFacts archive={archive} />
      </Stack>
      <ArchiveDialog dialog={dialog} onDeleted={() => go('/archives')} />
    </>
  );
}
