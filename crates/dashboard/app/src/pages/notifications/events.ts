import type { Notification } from '../../api/notifications';
import type { components } from '../../api/schema';
import { listOf } from '../../locale/format';

export type EventChoice = components['schemas']['NotificationEventChoice'];
export type NotificationKind = Notification['kind'];

/** The events that people can choose, in the order of the form. */
export const EVENTS: Record<EventChoice, string> = {
  backup_failed: 'A backup failed',
  backup_stale: 'There was no backup for too long',
  backup_well_again: 'There are backups again',
  backup_succeeded: 'A backup was created',
  archive_suspicious: 'A backup has far less data than earlier ones',
  destination_failed: 'A destination does not get all backups',
  retention_held: 'Old backups are not deleted for now',
  restore_done: 'A backup was restored',
  clear_done: 'Data was cleared, or a clear was undone',
  schedule_disabled: 'A schedule was disabled or deleted',
  administrator_added: 'An administrator was added',
  notifications_failing: 'Messages of another notification are not delivered',
};

export const EVENT_CHOICES = Object.keys(EVENTS) as EventChoice[];

/** A message about each backup would hide the important ones. */
export const DEFAULT_EVENTS: EventChoice[] = EVENT_CHOICES.filter((event) => event !== 'backup_succeeded');

export const KIND_NAMES: Record<NotificationKind, string> = {
  email: 'Mail',
  webhook: 'Webhook',
  ping: 'Ping to a monitoring service',
};

/** Where the messages are sent. */
export function targetOf({ kind, to, url }: Pick<Notification, 'kind' | 'to' | 'url'>): string {
  return kind === 'email' ? listOf(to) : (url ?? '');
}

/** The events of a notification, such as `All events` or `2 of 12 events`. */
export function eventsText({ kind, events }: Pick<Notification, 'kind' | 'events'>): string {
  if (kind === 'ping') return 'The beginning, the success and the failure of each backup';
  if (events.length === EVENT_CHOICES.length) return 'All events';
  if (events.length <= 2) return events.map((event) => EVENTS[event as EventChoice] ?? event).join('. ');
  return `${events.length} of ${EVENT_CHOICES.length} events`;
}

/** The mail addresses in a text, one a line or separated by commas. */
export function addressesIn(text: string): string[] {
  return text
    .split(/[\s,;]+/)
    .map((address) => address.trim())
    .filter((address) => address !== '');
}
