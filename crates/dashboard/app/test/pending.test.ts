// Requests that survive a reload.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { LookupTrace } from '../src/requests/pendingStorage';
import type { User } from '../src/session/store';

const stored = new Map<string, string>();
vi.stubGlobal('sessionStorage', {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, value: string) => stored.set(name, value),
  removeItem: (name: string) => stored.delete(name),
});

/** The answers of the service, by path and query. */
let answers: Record<string, object>;
let asked: string[];

beforeEach(() => {
  vi.useFakeTimers();
  stored.clear();
  answers = {};
  asked = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname, search } = new URL(request.url);
    const address = `${pathname}${search}`.replace('/campus', '');
    asked.push(address);
    const body = answers[address] ?? { items: [], total: 0, limit: 20, offset: 0 };
    return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } });
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Loads the page's modules again, as a reload does. */
async function load() {
  vi.resetModules();
  const pending = await import('../src/requests/pending');
  const store = await import('../src/requests/store');
  const news = await import('../src/requests/trackedJobs');
  const session = await import('../src/session/store');
  const signIn = (username: string) => session.begin('token', { username } as User, 3_600);
  const settled = async () => {
    await vi.advanceTimersByTimeAsync(20_000);
    return store.current().map(({ name, state }) => [name.replace(/, started at.*/, ''), state.at]);
  };
  return { pending, news, signIn, settled };
}

const JOB: LookupTrace = { by: 'job' };
const PROTECTION: LookupTrace = {
  by: 'archive',
  id: 'a',
  expected: { protected: true },
  done: 'It is protected.',
};
const DELETE: LookupTrace = { by: 'archive', id: 'a', expected: 'deleted', done: 'The backup was deleted.' };

test('pending requests are looked up after a reload when their user is signed in', async () => {
  const before = await load();
  before.signIn('admin');
  before.pending.storePending('key-1', 'Clear payments', JOB);
  before.pending.storePending('key-2', 'Protect', PROTECTION);
  before.pending.storePending('key-3', 'Delete', DELETE);
  before.pending.storePending('key-4', 'Done long ago', JOB);
  before.pending.removePending('key-4');

  const after = await load();
  after.pending.lookUpPending();
  await after.settled();
  expect(asked).toEqual([]);
  answers['/backup/jobs?idempotency_key=key-1'] = { items: [{ id: 'job-1', state: 'running' }] };
  answers['/backup/archives/a'] = { id: 'a', protected: true };
  after.signIn('admin');
  // The notifications report the outcome of the clear's job.
  expect(await after.settled()).toEqual([
    ['Protect', 'done'],
    ['Delete', 'failed'],
  ]);
  expect([...after.news.current().started.keys()]).toEqual(['job-1']);
  expect(asked.join()).not.toContain('key-4');
  expect(stored.size).toBe(0);
  // A refreshed token causes no further requests.
  const count = asked.length;
  after.signIn('admin');
  await after.settled();
  expect(asked).toHaveLength(count);
});

test('a request that has not arrived is reported as not done', async () => {
  const before = await load();
  before.signIn('admin');
  before.pending.storePending('key-1', 'Clear payments', JOB);
  const after = await load();
  after.pending.lookUpPending();
  after.signIn('admin');
  expect(await after.settled()).toEqual([['Clear payments', 'failed']]);
  expect(stored.size).toBe(0);
});

test('another user sees nothing, and a page without a reload looks nothing up', async () => {
  const before = await load();
  before.pending.lookUpPending();
  before.signIn('admin');
  before.pending.storePending('key-1', 'Clear payments', JOB);
  before.signIn('admin');
  await before.settled();
  expect(asked).toEqual([]);
  const after = await load();
  after.pending.lookUpPending();
  after.signIn('another');
  expect(await after.settled()).toEqual([]);
  expect(asked).toEqual([]);
  expect(stored.size).toBe(0);
});

test('invalid stored requests are ignored', async () => {
  for (const value of ['', '{', '7', '[7, null, {}, {"key": "x"}]']) {
    stored.set('campus-backup.pending-requests', value);
    const { storedRequests } = await import('../src/requests/pendingStorage');
    expect(storedRequests()).toEqual([]);
  }
});
