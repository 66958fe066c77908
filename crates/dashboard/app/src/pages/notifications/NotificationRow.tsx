import { Badge, Menu, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type Notification, notifications, testNotification } from '../../api/notifications';
import { invalidate } from '../../api/queries';
import { ItemRow, ItemText } from '../../components/ItemList';
import { ProblemAlert } from '../../components/ProblemAlert';
import { TestResult } from '../../components/TestResult';
import { counted, dateTimeZone, plural } from '../../locale/format';
import { isolated } from '../../locale/language';
import { useUpdateItem } from '../../requests/itemRequests';
import { LookupNotice } from '../../requests/LookupNotice';
import { eventsText, KIND_NAMES, targetOf } from './events';
import type { NotificationDialogRequest } from './NotificationDialog';
import { TESTING, testOutcome } from './testOutcome';

/** A notification: its target, its events, and its last message. */
export function NotificationRow({
  notification,
  onSaved,
  openDialog,
}: {
  notification: Notification;
  onSaved: (text: string) => void;
  openDialog: (dialog: NotificationDialogRequest, from: Element | null) => void;
}) {
  const { id, name, kind, enabled, waiting, failing_since, last_error, last_sent_at } = notification;
  const quoted = `“${isolated(name)}”`;
  const toggle = useUpdateItem(notifications, notification, (now) =>
    onSaved(`The notification ${quoted} is ${now.enabled ? 'enabled' : 'disabled'}.`),
  );
  const test = useMutation({
    mutationFn: async () => testOutcome(await testNotification(id)),
    onSettled: () => invalidate('notifications', 'health'),
  });
  return (
    <ItemRow
      name={name}
      badges={
        enabled ? (
          <Badge variant="light" color={failing_since ? 'red' : 'green'}>
            {failing_since ? 'Failing' : 'Enabled'}
          </Badge>
        ) : (
          <Badge variant="light" color="gray">
            Disabled
          </Badge>
        )
      }
      actions={(button) => (
        <>
          <Menu.Item disabled={test.isPending} onClick={() => test.mutate()}>
            Send a test message
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'edit', notification }, button.current)}>
            Edit…
          </Menu.Item>
          <Menu.Item disabled={toggle.isPending} onClick={() => toggle.mutate({ enabled: !enabled })}>
            {enabled ? 'Disable' : 'Enable'}
          </Menu.Item>
          <Menu.Item onClick={() => openDialog({ kind: 'delete', notification }, button.current)}>
            Delete…
          </Menu.Item>
        </>
      )}
    >
      <ItemText>
        {KIND_NAMES[kind]}: <bdi>{targetOf(notification)}</bdi>
      </ItemText>
      <ItemText>
        {eventsText(notification)}.{' '}
        {last_sent_at ? `Last message: ${dateTimeZone(last_sent_at)}.` : 'No message was sent yet.'}
        {waiting > 0 && ` ${counted(waiting, 'message', 'messages')} ${plural(waiting, 'waits', 'wait')}.`}
      </ItemText>
      {last_error !== null && (
        <Text size="sm" c="var(--mantine-color-error)">
          {last_error}
          {failing_since && ` All attempts have failed since ${dateTimeZone(failing_since)}.`}
        </Text>
      )}
      {toggle.lookup && <LookupNotice name={`Change the notification ${quoted}`} lookup={toggle.lookup} />}
      {toggle.error && <ProblemAlert error={toggle.error} />}
      <TestResult test={test} {...TESTING} />
    </ItemRow>
  );
}
