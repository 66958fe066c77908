import { expect, test } from 'vitest';
import { StudentCollector } from '../src/api/students';
import { changesAdministrators, DEFAULT_CHOICE, MODES, planRequest } from '../src/pages/restore/planRequest';
import { restorePlan } from './sample';

test('each list of administrators needs a confirmation', () => {
  expect(changesAdministrators(restorePlan({}))).toBe(false);
  const some = { items: [{ username: 'eve', text: 'A new administrator.' }], total: 1 };
  for (const list of ['added', 'changed', 'raised', 'disabled']) {
    expect(changesAdministrators(restorePlan({ [`administrators_${list}`]: some })), list).toBe(true);
  }
});

test('administrators are disabled only on request', () => {
  expect(planRequest(DEFAULT_CHOICE)).toMatchObject({ disable_administrators: false });
  expect(planRequest({ ...DEFAULT_CHOICE, disable: true })).toMatchObject({ disable_administrators: true });
});

test('the safest mode is the first one, and the default', () => {
  expect(MODES[0]?.mode).toBe('insert_missing');
  expect(planRequest(DEFAULT_CHOICE)).toMatchObject({ mode: 'insert_missing', scope: 'all' });
});

test('one student needs a choice', () => {
  const choice = { ...DEFAULT_CHOICE, what: 'student' as const };
  for (const student of ['', '0', '-1', 'x']) {
    expect(planRequest({ ...choice, student })).toEqual({ missing: 'Choose the student.' });
  }
  expect(planRequest({ ...choice, student: '7' })).toMatchObject({
    scope: { entity: { table: 'students', id: 7 } },
  });
});

function search(text: string, records: string[][]) {
  const collector = new StudentCollector(text);
  collector.begin(['ID', 'Full Name', 'Registration Number', 'Email']);
  const read = records.findIndex((record) => !collector.add(record)) + 1;
  return { ...collector.found(), read: read === 0 ? records.length : read };
}

test('students are found by name, registration number, e-mail or ID', () => {
  const records = [
    ['1', 'Zoë Müller', 'R-7', 'zoe@school.example'],
    ['2', 'Ravi Kumar', 'R-12', ''],
    ['12', 'Asha Rao', 'R-99', ''],
  ];
  const ids = (text: string) => search(text, records).students.map(({ id }) => id);
  expect(ids('muller zoe')).toEqual([1]);
  expect(ids('RAVI')).toEqual([2]);
  expect(ids('r-7')).toEqual([1]);
  expect(ids('@school')).toEqual([1]);
  // An ID comes first, even if it is read last.
  expect(ids('12')).toEqual([12, 2]);
  expect(ids('zoe rao')).toEqual([]);
});

test('a search reads no more of the table than it needs', () => {
  const records = Array.from({ length: 1_000 }, (_, place) => [
    String(place + 1),
    'Asha Rao',
    `R-${place}`,
    '',
  ]);
  expect(search('asha', records)).toMatchObject({ isMore: true, read: 21 });
  expect(search('asha', records).students).toHaveLength(20);
  expect(search('900', records).students[0]?.id).toBe(900);
  expect(search('unknown', records)).toMatchObject({ students: [], isMore: false, read: 1_000 });
});
