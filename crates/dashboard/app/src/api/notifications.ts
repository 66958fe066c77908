import { body, client } from './client';
import type { ItemApi } from './items';
import type { components } from './schema';

export type Notification = components['schemas']['Notification'];
export type CreateNotification = components['schemas']['CreateNotificationRequest'];
export type UpdateNotification = components['schemas']['UpdateNotificationRequest'];

export const notifications: ItemApi<Notification, CreateNotification, UpdateNotification> = {
  resource: 'notifications',
  noun: 'notification',
  list: async (query, signal) =>
    body(await client.GET('/backup/notifications', { params: { query }, signal })),
  read: async (id) => body(await client.GET('/backup/notifications/{id}', { params: { path: { id } } })),
  create: async (request, key, signal) => {
    const params = { header: { 'Idempotency-Key': key } };
    return body(await client.POST('/backup/notifications', { params, body: request, signal }));
  },
  update: async (id, patch, signal) =>
    body(await client.PATCH('/backup/notifications/{id}', { params: { path: { id } }, body: patch, signal })),
  remove: async (id, signal) => {
    await client.DELETE('/backup/notifications/{id}', { params: { path: { id } }, signal });
  },
};

export type NotificationTest = components['schemas']['NotificationTest'];

/** Sends a test message at once. */
export async function testNotification(id: number): Promise<NotificationTest> {
  return body(await client.POST('/backup/notifications/{id}/test', { params: { path: { id } } }));
}

/** The same for a notification that is not saved. */
export async function testNewNotification(request: CreateNotification): Promise<NotificationTest> {
  return body(await client.POST('/backup/notifications/test', { body: request }));
}
