import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type * as Store from '../src/session/store';

const USER = { id: 1, username: 'admin', email: null, role: 'admin', issuer: null } as const;

let store: typeof Store;
beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  store = await import('../src/session/store');
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('at first no user is signed in, and there is no token', () => {
  expect(store.current()).toEqual({ state: 'out', reason: 'first' });
  expect(store.token()).toBeUndefined();
  store.expire();
  expect(store.current()).toEqual({ state: 'out', reason: 'first' });
});

test('a token expires by itself, and the page still knows its user', () => {
  const listener = vi.fn();
  store.subscribe(listener);
  store.begin('secret', USER, 900);
  expect(store.token()).toBe('secret');
  vi.advanceTimersByTime(899_000);
  expect(store.current().state).toBe('in');
  vi.advanceTimersByTime(1_000);
  expect(store.current()).toEqual({ state: 'ended', user: USER });
  expect(store.token()).toBeUndefined();
  expect(listener).toHaveBeenCalledTimes(2);
});

test('the expiry of an earlier token does not end a later one', () => {
  store.begin('first', USER, 10);
  vi.advanceTimersByTime(5_000);
  store.begin('second', USER, 10);
  vi.advanceTimersByTime(9_000);
  expect(store.token()).toBe('second');
});

test('the token is never stored, only the fact that a user is signed in', async () => {
  const stored = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  store.begin('secret', USER, 900);
  expect([...stored.values()]).toEqual(['yes']);
  vi.resetModules();
  const reloaded: typeof Store = await import('../src/session/store');
  expect(reloaded.current()).toEqual({ state: 'resuming' });
  reloaded.cancel('unknown');
  expect(reloaded.current()).toEqual({ state: 'out', reason: 'unknown' });
  expect(stored.size).toBe(1);
  reloaded.leave();
  expect(stored.size).toBe(0);
});

test('a session that the service has ended is not requested again', async () => {
  const stored = new Map([['campus-backup.signed-in', 'yes']]);
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    removeItem: (key: string) => stored.delete(key),
  });
  vi.resetModules();
  const loaded: typeof Store = await import('../src/session/store');
  loaded.cancel('ended');
  expect(loaded.current()).toEqual({ state: 'out', reason: 'ended' });
  expect(stored.size).toBe(0);
  // A user who has signed in meanwhile stays signed in.
  loaded.begin('secret', USER, 900);
  loaded.cancel('ended');
  expect(loaded.token()).toBe('secret');
});
