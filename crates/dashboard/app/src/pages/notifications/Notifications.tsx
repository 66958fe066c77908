import { Button, Stack } from '@mantine/core';
import { useState } from 'react';
import { notifications } from '../../api/notifications';
import { usePages } from '../../api/pages';
import { Icon } from '../../components/Icon';
import { ItemList } from '../../components/ItemList';
import { PageHeader } from '../../components/PageHeader';
import { SavedNotice } from '../../components/SavedNotice';
import { Tip } from '../../components/Tip';
import { useDialog } from '../../components/useDialog';
import { NotificationDialog, type NotificationDialogRequest } from './NotificationDialog';
import { NotificationRow } from './NotificationRow';

export default function Notifications() {
  const list = usePages(['notifications'], notifications.list);
  const dialog = useDialog<NotificationDialogRequest>();
  const [saved, setSaved] = useState<string>();
  return (
    <>
      <PageHeader
        title="Notifications"
        lead="Messages about backups, restores and deletions, by mail or to other programs."
      >
        <Button leftSection={<Icon name="add" size={18} />} onClick={() => dialog.open({ kind: 'create' })}>
          Create a notification…
        </Button>
      </PageHeader>
      <Stack gap="md">
        <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
        <ItemList
          list={list}
          one="notification"
          other="notifications"
          empty="There is no notification yet. A failed backup is shown on this dashboard only."
        >
          {(notification) => (
            <NotificationRow
              key={notification.id}
              notification={notification}
              onSaved={setSaved}
              openDialog={dialog.open}
            />
          )}
        </ItemList>
        <Tip title="Use a monitoring service, too">
          If the server is down, it can’t send a message. A monitoring service expects a ping for each backup,
          and warns you if no ping arrives.
        </Tip>
      </Stack>
      <NotificationDialog dialog={dialog} onSaved={setSaved} />
    </>
  );
}
