import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backupName } from '../src/components/backupName';
import { ago, dateTime, shortDateTime } from '../src/locale/format';
import { summary } from '../src/pages/compare/CountsByTable';

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime('2026-11-28T15:00:00Z');
});
afterEach(() => {
  vi.useRealTimers();
});

const created_at = '2026-11-28T13:00:00Z';

test('a safety backup is named by its event and time', () => {
  const name = (label: string | null) => backupName({ kind: 'safety', label, created_at });
  const time = shortDateTime(created_at);
  expect(time).toMatch(/^28 Nov \d\d:00$/);
  expect(name('before the restore of 2026-11-28T13-00-01Z-24156b48')).toBe(`Before restore, ${time}`);
  expect(name('before clearing payment_categories')).toBe(`Before clearing payment categories, ${time}`);
  // An administrator has renamed it.
  expect(name('keep this one')).toBe('keep this one');
  expect(name(null)).toBe(dateTime(created_at));
});

test('another backup is named by its label or time', () => {
  expect(backupName({ kind: 'created', label: 'before clearing payments', created_at })).toBe(
    'before clearing payments',
  );
  expect(backupName({ kind: 'uploaded', label: null, created_at })).toBe(dateTime(created_at));
});

test('an age is written in the largest unit', () => {
  expect(ago('2026-11-28T15:00:30Z')).toBe('less than a minute ago');
  expect(ago('2026-11-28T14:59:30Z')).toBe('less than a minute ago');
  expect(ago('2026-11-28T14:59:00Z')).toBe('1 minute ago');
  expect(ago(created_at)).toBe('2 hours ago');
  expect(ago('2026-11-25T13:00:00Z')).toBe('3 days ago');
  expect(shortDateTime('2025-11-28T13:00:00Z')).toMatch(/^28 Nov 2025 \d\d:00$/);
});

test('differences are summed up in one sentence', () => {
  const counts = (added: number, removed: number, changed: number) => ({
    added,
    removed,
    changed,
    unchanged: 5,
  });
  const diff = (tables: object) => summary({ tables } as Parameters<typeof summary>[0]);
  expect(diff({ students: counts(0, 0, 0) })).toBe('No differences: all rows are the same.');
  expect(diff({ students: counts(1, 0, 0), users: counts(0, 0, 0) })).toBe('1 difference in 1 table');
  expect(diff({ students: counts(600, 0, 70), users: counts(0, 9, 0), courses: counts(0, 1, 0) })).toBe(
    '680 differences in 3 tables',
  );
});
