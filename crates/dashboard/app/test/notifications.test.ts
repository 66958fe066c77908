// What the form of a notification sends.
import { expect, test } from 'vitest';
import type { Notification } from '../src/api/notifications';
import { addressesIn, EVENT_CHOICES, eventsText } from '../src/pages/notifications/events';
import {
  createRequest,
  EMPTY_VALUES,
  updateRequest,
  valuesOf,
} from '../src/pages/notifications/notificationValues';

const MAIL = {
  kind: 'email',
  name: 'Office',
  to: ['head@school.example'],
  url: null,
  events: ['backup_stale', 'backup_failed'],
  attach_archive: false,
} as unknown as Notification;

test('addresses are separated by lines, commas or spaces', () => {
  expect(addressesIn(' a@x.example,\nb@x.example; c@x.example\n')).toEqual([
    'a@x.example',
    'b@x.example',
    'c@x.example',
  ]);
  expect(addressesIn(' \n ')).toEqual([]);
});

test('a kind sends only the values that it has', () => {
  const values = {
    ...EMPTY_VALUES,
    name: 'x',
    to: 'a@x.example',
    url: 'https://x.example',
    secret: 'whsec_a',
  };
  expect(createRequest({ ...values, kind: 'email' })).not.toHaveProperty('url');
  expect(createRequest({ ...values, kind: 'email' })).not.toHaveProperty('secret');
  const ping = createRequest({ ...values, kind: 'ping' });
  for (const field of ['to', 'events', 'attach_archive', 'secret']) expect(ping).not.toHaveProperty(field);
});

test('a new notification is about all events but a success', () => {
  expect(createRequest({ ...EMPTY_VALUES, name: 'x' }).events).toHaveLength(EVENT_CHOICES.length - 1);
});

test('an edit sends only changed values, and ignores the order of the events', () => {
  const values = valuesOf(MAIL);
  expect(updateRequest(MAIL, values)).toEqual({});
  expect(updateRequest(MAIL, { ...values, events: ['backup_failed', 'backup_stale'] })).toEqual({});
  expect(updateRequest(MAIL, { ...values, events: ['backup_failed'] })).toEqual({
    events: ['backup_failed'],
  });
  expect(updateRequest(MAIL, { ...values, to: 'new@school.example' })).toEqual({
    to: ['new@school.example'],
  });
});

test('the events are counted, or named if they are few', () => {
  expect(eventsText({ kind: 'email', events: EVENT_CHOICES })).toBe('All events');
  expect(eventsText({ kind: 'email', events: ['backup_failed'] })).toBe('A backup failed');
  expect(eventsText({ kind: 'webhook', events: EVENT_CHOICES.slice(0, 3) })).toBe('3 of 12 events');
});
