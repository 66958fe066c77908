import { type Notification, notifications } from '../../api/notifications';
import { DeleteItem } from '../../components/DeleteItem';
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

export const titleOf = ({ kind }: NotificationDialogRequest): string => TITLES[kind];

export function NotificationDialog({
  dialog,
  onSaved,
  onClose,
}: {
  dialog: NotificationDialogRequest;
  onSaved: (text: string) => void;
  onClose: () => void;
}) {
  const done = (text: string) => {
    onSaved(text);
    onClose();
  };
  switch (dialog.kind) {
    case 'create':
      return <CreateNotification onSaved={onSaved} onClose={onClose} />;
    case 'edit':
      return <EditNotification notification={dialog.notification} onDone={done} onCancel={onClose} />;
    case 'delete':
      return (
        <DeleteItem api={notifications} item={dialog.notification} onDone={done} onCancel={onClose}>
          Its messages that wait are not sent.
        </DeleteItem>
      );
  }
}
