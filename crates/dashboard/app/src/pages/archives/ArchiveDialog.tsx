import type { Archive } from '../../api/archives';
import { FormDialog } from '../../components/FormDialog';
import type { useDialog } from '../../components/useDialog';
import { BulkDeleteForm } from './BulkDeleteForm';
import { CreateBackupForm } from './CreateBackupForm';
import { DeleteArchiveForm } from './DeleteArchiveForm';
import { EditArchiveForm } from './EditArchiveForm';

/** The dialogs of the page, and the archive that each is about. */
export type DialogRequest =
  | { kind: 'create' }
  | { kind: 'edit' | 'delete'; archive: Archive }
  | { kind: 'delete selected'; archives: readonly Archive[] };

interface Props {
  dialog: ReturnType<typeof useDialog<DialogRequest>>;
  /** Called after these backups were deleted. */
  onDeleted?: (archives: readonly Archive[]) => void;
}

/** The dialog of the page. Its content belongs to one opening. */
export function ArchiveDialog({ dialog, onDeleted }: Props) {
  const size = dialog.opening?.subject.kind === 'delete selected' ? 'lg' : 'md';
  return (
    <FormDialog dialog={dialog} title={titleOf} size={size}>
      {(subject, close) => <Content dialog={subject} onClose={close} {...(onDeleted && { onDeleted })} />}
    </FormDialog>
  );
}

function Content({
  dialog,
  onClose,
  onDeleted,
}: {
  dialog: DialogRequest;
  onClose: () => void;
  onDeleted?: (archives: readonly Archive[]) => void;
}) {
  switch (dialog.kind) {
    case 'create':
      return <CreateBackupForm onClose={onClose} />;
    case 'edit':
      return <EditArchiveForm archive={dialog.archive} onClose={onClose} />;
    case 'delete':
      return (
        <DeleteArchiveForm archive={dialog.archive} onClose={onClose} {...(onDeleted && { onDeleted })} />
      );
    case 'delete selected':
      return (
        <BulkDeleteForm archives={dialog.archives} onClose={onClose} {...(onDeleted && { onDeleted })} />
      );
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
    case 'delete selected':
      return 'Delete the selected backups';
  }
}
