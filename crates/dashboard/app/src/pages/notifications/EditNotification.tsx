import { useState } from 'react';
import { type Notification, notifications } from '../../api/notifications';
import type { FormEnd } from '../../components/SavingDialog';
import { isolated } from '../../locale/language';
import { useUpdateItem } from '../../requests/itemRequests';
import { NotificationForm } from './NotificationForm';
import { updateRequest, valuesOf } from './notificationValues';

/** Changes a notification. The service does not change its kind. */
export function EditNotification({
  notification,
  onDone,
  onCancel,
}: FormEnd & { notification: Notification }) {
  const [values, setValues] = useState(() => valuesOf(notification));
  const update = useUpdateItem(notifications, notification, ({ name }) =>
    onDone(`The notification “${isolated(name)}” was changed.`),
  );
  const save = () => {
    const patch = updateRequest(notification, values);
    if (Object.keys(patch).length === 0) onCancel();
    else update.mutate(patch);
  };
  return (
    <NotificationForm
      values={values}
      onChange={setValues}
      isSaved
      request={update}
      error={update.error}
      name="Edit the notification"
      action="Save"
      onSubmit={save}
      onCancel={onCancel}
    />
  );
}
