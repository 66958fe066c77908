import { type Notification, notifications } from '../../api/notifications';
import { DeleteItem } from '../../components/DeleteItem';
import { SavingDialog, type SavingDialogProps } from '../../components/SavingDialog';
import { CreateNotification } from './CreateNotification';
import { EditNotification } from './EditNotification';

/** The dialogs of the page, and the notification that each is about. */
export type NotificationDialogRequest =
  | { kind: 'create' }
  | { kind: 'edit' | 'delete'; notification: Notification };

const TITLES = {
  create: 'Create a notification',
  edit: 'Edit the notification',
  delete: 'Delete the notification',
};

export function NotificationDialog(props: SavingDialogProps<NotificationDialogRequest>) {
  return (
    <SavingDialog {...props} title={({ kind }) => TITLES[kind]}>
      {(subject, end) => {
        switch (subject.kind) {
          case 'create':
            return <CreateNotification onSaved={props.onSaved} onClose={end.onCancel} />;
          case 'edit':
            return <EditNotification notification={subject.notification} {...end} />;
          case 'delete':
            return (
              <DeleteItem api={notifications} item={subject.notification} {...end}>
                Its messages that wait are not sent.
              </DeleteItem>
            );
        }
      }}
    </SavingDialog>
  );
}
