import { type Destination, destinations } from '../../api/destinations';
import { DeleteItem } from '../../components/DeleteItem';
import { SavingDialog, type SavingDialogProps } from '../../components/SavingDialog';
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

export function DestinationDialog(props: SavingDialogProps<DestinationDialogRequest>) {
  return (
    <SavingDialog {...props} title={({ kind }) => TITLES[kind]}>
      {(subject, end) => {
        switch (subject.kind) {
          case 'create':
            return <CreateDestination {...end} />;
          case 'edit':
            return <EditDestination destination={subject.destination} {...end} />;
          case 'delete':
            return (
              <DeleteItem api={destinations} item={subject.destination} {...end}>
                New backups are no longer copied to it. The copies in it stay there, and its secret is deleted
                here.
              </DeleteItem>
            );
        }
      }}
    </SavingDialog>
  );
}
