// How the outcome of a request about a setting is looked up.
import { beforeEach, expect, test } from 'vitest';
import type { ItemApi, NamedItem } from '../src/api/items';
import { type ProblemDocument, ProblemError, ServiceUnreachable } from '../src/api/problem';
import { lookUpCreated, lookUpDeleted, lookUpUpdated } from '../src/requests/itemRequests';

interface Patch {
  name?: string;
  enabled?: boolean;
  secret?: string;
}

const problem = (status: number) => new ProblemError({ status, detail: 'No.' } as ProblemDocument);
const ITEM: NamedItem = { id: 1, name: 'Every night', enabled: true, updated_at: '2026-11-30T01:00:00Z' };

let stored: NamedItem[];
let created: string[];
let answer: () => NamedItem;

const api: ItemApi<NamedItem, { name: string }, Patch> = {
  resource: 'schedules',
  noun: 'schedule',
  list: async ({ limit, offset }) => ({
    items: stored.slice(offset, offset + limit),
    total: stored.length,
    offset,
  }),
  read: async (id) => {
    const found = stored.find((item) => item.id === id);
    if (!found) throw problem(404);
    return found;
  },
  create: async (_, key) => {
    created.push(key);
    return answer();
  },
  update: async () => ITEM,
  remove: async () => undefined,
};

beforeEach(() => {
  stored = [ITEM];
  created = [];
  answer = () => ITEM;
});

test('a created setting is found by its name, and its first answer is asked for once more', async () => {
  const others = Array.from({ length: 250 }, (_, index) => ({
    ...ITEM,
    id: index + 2,
    name: `other ${index}`,
  }));
  stored = [...others, ITEM];
  expect(await lookUpCreated(api, { name: ITEM.name }, 'key')).toEqual({ at: 'done', result: ITEM });
  expect(created).toEqual(['key']);
});

test('without a setting of that name nothing is sent again', async () => {
  stored = [];
  expect(await lookUpCreated(api, { name: ITEM.name }, 'key')).toEqual({ at: 'none' });
  expect(created).toEqual([]);
});

test('the setting of another request is no success', async () => {
  answer = () => {
    throw problem(409);
  };
  expect(await lookUpCreated(api, { name: ITEM.name }, 'key')).toMatchObject({ at: 'failed' });
  answer = () => {
    throw new ServiceUnreachable();
  };
  await expect(lookUpCreated(api, { name: ITEM.name }, 'key')).rejects.toBeInstanceOf(ServiceUnreachable);
});

test('a change is done if the setting has the new values', async () => {
  const before = { ...ITEM, enabled: false };
  expect(await lookUpUpdated(api, before, { enabled: true })).toEqual({ at: 'done', result: ITEM });
  expect(await lookUpUpdated(api, before, { enabled: true, name: 'new' })).toEqual({ at: 'none' });
});

test('a new secret is done only if the setting was changed since', async () => {
  expect(await lookUpUpdated(api, ITEM, { secret: 'new' })).toEqual({ at: 'none' });
  const before = { ...ITEM, updated_at: '2026-11-29T01:00:00Z' };
  expect(await lookUpUpdated(api, before, { secret: 'new' })).toMatchObject({ at: 'done' });
});

test('a missing setting counts as deleted, and its change as failed', async () => {
  expect(await lookUpDeleted(() => api.read(1))).toEqual({ at: 'none' });
  stored = [];
  expect(await lookUpDeleted(() => api.read(1))).toEqual({ at: 'done', result: true });
  expect(await lookUpUpdated(api, ITEM, { enabled: false })).toMatchObject({ at: 'failed' });
});
