import type { CreateNotification, Notification, UpdateNotification } from '../../api/notifications';
import { changedFields } from '../../components/changedFields';
import { addressesIn, DEFAULT_EVENTS, type EventChoice, type NotificationKind } from './events';

/** The inputs of the form. */
export interface NotificationValues {
  kind: NotificationKind;
  name: string;
  /** Mail addresses, one a line. */
  to: string;
  url: string;
  events: EventChoice[];
  attach: boolean;
  /** Only a new secret of a webhook: the stored one is never shown. */
  secret: string;
}

export const EMPTY_VALUES: NotificationValues = {
  kind: 'email',
  name: '',
  to: '',
  url: '',
  events: DEFAULT_EVENTS,
  attach: false,
  secret: '',
};

export const valuesOf = (notification: Notification): NotificationValues => ({
  kind: notification.kind,
  name: notification.name,
  to: notification.to.join('\n'),
  url: notification.url ?? '',
  events: notification.events as EventChoice[],
  attach: notification.attach_archive,
  secret: '',
});

/** The values that the kind of the notification has. */
function shared({ kind, name, to, url, events, attach }: NotificationValues) {
  return {
    name: name.trim(),
    ...(kind === 'email' ? { to: addressesIn(to), attach_archive: attach } : { url: url.trim() }),
    ...(kind !== 'ping' && { events }),
  };
}

export function createRequest(values: NotificationValues): CreateNotification {
  const secret = values.kind === 'webhook' && values.secret.trim();
  return { kind: values.kind, ...shared(values), ...(secret && { secret }) };
}

/** The values that differ from the saved notification. */
export function updateRequest(before: Notification, values: NotificationValues): UpdateNotification {
  const { name, to, url, attach_archive } = before;
  // The order of events has no meaning. The service sorts them its own way.
  const isSame =
    values.events.length === before.events.length &&
    values.events.every((event) => before.events.includes(event));
  const after: UpdateNotification = shared({ ...values, events: isSame ? [] : values.events });
  if (isSame) delete after.events;
  const changed = changedFields<UpdateNotification>({ name, to, url, attach_archive }, after);
  const secret = values.kind === 'webhook' && values.secret.trim();
  return secret ? { ...changed, secret } : changed;
}
