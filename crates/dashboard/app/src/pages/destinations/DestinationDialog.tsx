import { type Destination, destinations } from '../../api/destinations';
import { DeleteItem } from '../../components/DeleteItem';
import { CreateDestination } from './CreateDestination';
import { EditDestination } from './EditDestination';

/** The dialogs of the page, and the destination that each is about. */
export type DestinationDialogRequest =
  | { kind: 'create' }
  | { kind: 'edit' | 'delete'; destination: Destination };

const TITLES = {
  create: 'Add a destination',
  edit: 'Edit the destination',
  delete: 'Delete the destination',
};

export const titleOf = ({ kind }: DestinationDialogRequest): string => TITLES[kind];

export function DestinationDialog({
  dialog,
  onSaved,
  onClose,
}: {
  dialog: DestinationDialogRequest;
  onSaved: (text: string) => void;
  onClose: () => void;
}) {
  const done = (text: string) => {
    onSaved(text);
    onClose();
  };
  switch (dialog.kind) {
    case 'create':
      return <CreateDestination onDone={done} onCancel={onClose} />;
    case 'edit':
      return <EditDestination destination={dialog.destination} onDone={done} onCancel={onClose} />;
    case 'delete':
      return (
        <DeleteItem api={destinations} item={dialog.destination} onDone={done} onCancel={onClose}>
          New backups are no longer copied to it. The copies in it stay there, and its secret is deleted here.
        </DeleteItem>
      );
  }
}
