import { body, client } from './client';
import type { ItemApi } from './items';
import type { components } from './schema';

export type Destination = components['schemas']['Destination'];
export type CreateDestination = components['schemas']['CreateDestinationRequest'];
export type UpdateDestination = components['schemas']['UpdateDestinationRequest'];

export const destinations: ItemApi<Destination, CreateDestination, UpdateDestination> = {
  resource: 'destinations',
  noun: 'destination',
  list: async (query, signal) =>
    body(await client.GET('/backup/destinations', { params: { query }, signal })),
  read: async (id) => body(await client.GET('/backup/destinations/{id}', { params: { path: { id } } })),
  create: async (request, key, signal) => {
    const params = { header: { 'Idempotency-Key': key } };
    return body(await client.POST('/backup/destinations', { params, body: request, signal }));
  },
  update: async (id, patch, signal) =>
    body(await client.PATCH('/backup/destinations/{id}', { params: { path: { id } }, body: patch, signal })),
  remove: async (id, signal) => {
    await client.DELETE('/backup/destinations/{id}', { params: { path: { id } }, signal });
  },
};

export type DestinationTest = components['schemas']['DestinationTest'];

/** Writes, reads, lists and deletes a file in a destination, for up to 30 seconds. */
export async function testDestination(id: number): Promise<DestinationTest> {
  return body(await client.POST('/backup/destinations/{id}/test', { params: { path: { id } } }));
}

/** The same for a destination that is not saved. */
export async function testNewDestination(request: CreateDestination): Promise<DestinationTest> {
  return body(await client.POST('/backup/destinations/test', { body: request }));
}
