import { Modal } from '@mantine/core';
import type { Archive } from '../../api/archives';
import { backupName } from '../../components/backupName';
import { ArchiveDetails } from './ArchiveDetails';
import { CreateBackupForm } from './CreateBackupForm';
import { DeleteArchiveForm } from './DeleteArchiveForm';
import { EditArchiveForm } from './EditArchiveForm';

/** The dialogs of the page, and the archive that each is about. */
export type DialogRequest = { kind: 'create' } | { kind: 'edit' | 'delete' | 'details'; archive: Archive };

interface Props {
  opened: boolean;
  opening: { key: number; subject: DialogRequest } | undefined;
  onClose: (key: number) => void;
}

/** The dialog of the page. Its content belongs to one opening. */
export function ArchiveDialog({ opened, opening, onClose }: Props) {
  const close = () => opening && onClose(opening.key);
  return (
    <Modal
      opened={opened}
      onClose={close}
      returnFocus={false}
      size={opening?.subject.kind === 'details' ? 'lg' : 'md'}
      title={opening && titleOf(opening.subject)}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {opening && <Content key={opening.key} dialog={opening.subject} onClose={close} />}
    </Modal>
  );
}

function Content({ dialog, onClose }: { dialog: DialogRequest; onClose: () => void }) {
  switch (dialog.kind) {
    case 'create':
      return <CreateBackupForm onClose={onClose} />;
    case 'edit':
      return <EditArchiveForm archive={dialog.archive} onClose={onClose} />;
    case 'delete':
      return <DeleteArchiveForm archive={dialog.archive} onClose={onClose} />;
    case 'details':
      return <ArchiveDetails archive={dialog.archive} />;
  }
}

function titleOf(dialog: DialogRequest): string {
  switch (dialog.kind) {
    case 'create':
      return 'Create a backup';
    case 'edit':
      return 'Rename the backup';
    case 'delete':
      return 'Delete the backup';
    case 'details':
      return backupName(dialog.archive);
  }
}
