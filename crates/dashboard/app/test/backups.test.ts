import { QueryClient } from '@tanstack/react-query';
import { expect, test, vi } from 'vitest';
import { type Archive, proposedBackup } from '../src/api/archives';
import type { Change } from '../src/api/changes';
import type { Stats } from '../src/api/tables';
import { verificationStatus } from '../src/components/verification';
import { emptied, falls, lastBackup } from '../src/pages/overview/backupState';
import { archive } from './sample';

const DAMAGED = {
  at: '2026-11-28T14:00:00Z',
  level: 'digest',
  result: 'failed',
  code: 'archive_digest_mismatch',
  seconds: 1,
} as const;

// In the order of the service: the archive that was stored last comes first.
const LIST = [
  archive('uploaded today, of last year', '01T08', { kind: 'uploaded', origin: 'uploaded' }),
  archive('of the broken state', '28T13', { kind: 'safety' }),
  archive('put into the store', '28T12', { origin: 'found' }),
  archive('damaged', '28T11', { verification: DAMAGED }),
  archive('with far fewer rows', '28T09', {
    suspicion: { findings: [], accepted_at: null, accepted_by: null },
  }),
  archive('this morning', '28T08'),
  archive('yesterday', '27T08'),
];
const without = (...ids: string[]) => LIST.filter(({ id }) => !ids.includes(id));

test('a restore proposes the newest reliable backup, or nothing', () => {
  expect(proposedBackup(LIST)?.id).toBe('this morning');
  expect(proposedBackup(without('this morning', 'yesterday'))?.id).toBe('uploaded today, of last year');
  const others = without('this morning', 'yesterday', 'uploaded today, of last year');
  expect(proposedBackup(others)).toBeUndefined();
  expect(proposedBackup([])).toBeUndefined();
});

test('the last backup is the newest one of this school’s data', () => {
  expect(lastBackup(LIST)?.id).toBe('damaged');
  expect(lastBackup(without('damaged'))?.id).toBe('with far fewer rows');
  // If this service has created no backup, the others count.
  expect(lastBackup(without('damaged', 'with far fewer rows', 'this morning', 'yesterday'))?.id).toBe(
    'put into the store',
  );
  expect(lastBackup(LIST.filter(({ kind }) => kind === 'safety'))).toBeUndefined();
});

test('a table that has become empty since the last backup is found', () => {
  const now: Stats = {
    students: 0,
    courses: 40,
    enrollments: 0,
    payments: 0,
    attendance: 0,
    payment_categories: 8,
    users: 5,
    total: 53,
    generated_at: '2026-11-28T15:00:00Z',
  };
  expect(emptied(now, archive('last', '28T08'))).toEqual(['students', 'payments']);
  expect(emptied({ ...now, students: 1, payments: 1 }, archive('last', '28T08'))).toEqual([]);
});

test('damage is described in words and not as a code', () => {
  for (const code of ['archive_digest_mismatch', 'archive_of_a_later_version', null]) {
    const { label, description } = verificationStatus(
      archive('x', '28T08', { verification: { ...DAMAGED, code } }),
    );
    expect(label).toBe('Damaged');
    expect(description).toMatch(/^Damage was found on .*\. [A-Z][^_]*\.$/);
  }
});

/** The archives that the overview and the proposals use, and the requests that read them. */
async function read(stored: Archive[]) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    const { searchParams } = new URL(request.url);
    const [offset, limit] = [Number(searchParams.get('offset')), Number(searchParams.get('limit'))];
    asked.push(`${searchParams.get('kind')} ${offset} ${limit}`);
    const ofKind = stored.filter(({ kind }) => kind === searchParams.get('kind'));
    const items = ofKind.slice(offset, offset + limit);
    const page = { items, total: ofKind.length, limit, offset, unreadable: [] };
    return new Response(JSON.stringify(page), { headers: { 'Content-Type': 'application/json' } });
  });
  vi.resetModules();
  const { backups } = await import('../src/api/archives');
  return { found: await new QueryClient().fetchQuery(backups), asked: asked.sort() };
}

test('only the needed pages of thousands of archives are read, with the correct result', async () => {
  const many = (count: number, changed: Partial<Archive>) =>
    Array.from({ length: count }, (_, place) => archive(`${changed.origin} ${place}`, '28T12', changed));
  const safety = many(1_500, { kind: 'safety' });
  const own = archive('own', '28T08');
  const older = many(1_500, { origin: 'made_here', created_at: '2026-11-27T08:00:00Z' });
  const few = await read([...safety, own, ...older]);
  expect(few.asked).toEqual(['created 0 50', 'uploaded 0 50']);
  expect(few.found.isComplete).toBe(false);
  expect(lastBackup(few.found.items)?.id).toBe('own');
  expect(proposedBackup(few.found.items)?.id).toBe('own');

  // It comes after a thousand archives without proof of origin.
  const hidden = await read([...many(1_020, { origin: 'found' }), own, ...many(200, { origin: 'found' })]);
  expect(lastBackup(hidden.found.items)?.id).toBe('own');
  expect(proposedBackup(hidden.found.items)?.id).toBe('own');
  expect(hidden.asked).toHaveLength(22);

  const none = await read(safety);
  expect(none.found).toEqual({ items: [], isComplete: true });
});

const change = (id: string, rows: Change['rows'], undone_at: string | null = null) =>
  ({ id, rows, undone_at }) as Change;

test('a fall is reported if the table is empty, if it is large, or if a change has caused it', () => {
  const backup = archive('last', '28T08', { rows: { students: 1_000, courses: 40, payments: 5_000 } });
  const now = (counts: Partial<Stats>) =>
    ({ students: 1_000, courses: 40, payments: 5_000, enrollments: 0, ...counts }) as Stats;
  const fallen = (counts: Partial<Stats>, changes: Change[] = []) =>
    falls(now(counts), backup, changes).map(({ table, causes }) => [table, causes.map(({ id }) => id)]);
  expect(fallen({})).toEqual([]);
  expect(fallen({ students: 1_200 })).toEqual([]);
  expect(fallen({ students: 999 })).toEqual([]);
  expect(fallen({ students: 949 })).toEqual([['students', []]]);
  expect(fallen({ courses: 0 })).toEqual([['courses', []]]);
  const removed = (table: string, removed: number, written = 0) => ({ [table]: { removed, written } });
  const cleared = change('cleared', removed('students', 1));
  expect(fallen({ students: 999 }, [cleared])).toEqual([['students', ['cleared']]]);
  // A restore that has written as many rows as it removed is no cause, and neither is a clear that was undone.
  const restored = change('restored', removed('students', 1_000, 1_000));
  const undone = change('undone', removed('students', 1), '2026-11-28T09:00:00Z');
  expect(fallen({ students: 999 }, [restored, undone])).toEqual([]);
});
