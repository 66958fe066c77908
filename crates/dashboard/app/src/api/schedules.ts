import { body, client } from './client';
import type { ItemApi } from './items';
import type { Job } from './jobs';
import type { components } from './schema';

export type Schedule = components['schemas']['Schedule'];
export type CreateSchedule = components['schemas']['CreateScheduleRequest'];
export type UpdateSchedule = components['schemas']['UpdateScheduleRequest'];

export const schedules: ItemApi<Schedule, CreateSchedule, UpdateSchedule> = {
  resource: 'schedules',
  noun: 'schedule',
  list: async (query, signal) => body(await client.GET('/backup/schedules', { params: { query }, signal })),
  read: async (id) => body(await client.GET('/backup/schedules/{id}', { params: { path: { id } } })),
  create: async (request, key, signal) => {
    const params = { header: { 'Idempotency-Key': key } };
    return body(await client.POST('/backup/schedules', { params, body: request, signal }));
  },
  update: async (id, patch, signal) =>
    body(await client.PATCH('/backup/schedules/{id}', { params: { path: { id } }, body: patch, signal })),
  remove: async (id, signal) => {
    await client.DELETE('/backup/schedules/{id}', { params: { path: { id } }, signal });
  },
};

/** Starts a backup as the schedule does, at once. The key is the `Idempotency-Key`. */
export async function runSchedule(id: number, key: string, signal: AbortSignal | null): Promise<Job> {
  const params = { path: { id }, header: { 'Idempotency-Key': key } };
  return body(await client.POST('/backup/schedules/{id}/run', { params, signal }));
}
