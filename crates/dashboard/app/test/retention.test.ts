// The inputs of a retention policy, and its plan as a calendar.
import { expect, test } from 'vitest';
import { type ProblemDocument, ProblemError } from '../src/api/problem';
import type { RetentionPlan } from '../src/api/retention';
import { countsOf, monthsOf, plannedBackups } from '../src/pages/retention/calendar';
import { inPolicy } from '../src/pages/retention/policyErrors';
import {
  inputsOf,
  isSamePolicy,
  PROPOSED_POLICY,
  parseSize,
  policyOf,
  sizeText,
} from '../src/pages/retention/policyForm';

test('a policy stays the same in the form', () => {
  const policy = { ...PROPOSED_POLICY, max_bytes: 1_234_567 };
  expect(policyOf(inputsOf(policy))).toEqual({ policy });
  expect(policyOf(inputsOf(PROPOSED_POLICY))).toEqual({ policy: PROPOSED_POLICY });
});

test('sizes are read with their units, and written exactly', () => {
  expect(parseSize('50 GB')).toBe(50e9);
  expect(parseSize('1,5tb')).toBe(1.5e12);
  expect(parseSize('8GiB')).toBe(8 * 2 ** 30);
  expect(parseSize('1000')).toBe(1000);
  for (const text of ['', '0', 'much', '5 XB', '-1 GB', '9e9', '99999999 TB'])
    expect(parseSize(text)).toBeUndefined();
  for (const size of [1, 999, 1_000, 1_500_000, 50e9, 8 * 2 ** 30])
    expect(parseSize(sizeText(size))).toBe(size);
});

test('an input that is not a number is not sent', () => {
  const inputs = { ...inputsOf(PROPOSED_POLICY), daily: '', weekly: '-1', yearly: '1.5', max_bytes: 'much' };
  const found = policyOf(inputs);
  expect('problems' in found && Object.keys(found.problems).sort()).toEqual([
    'daily',
    'max_bytes',
    'weekly',
    'yearly',
  ]);
});

test('a missing value of a policy is its default', () => {
  expect(isSamePolicy({ daily: 7 }, { ...PROPOSED_POLICY, max_bytes: null })).toBe(true);
  expect(isSamePolicy({ ...PROPOSED_POLICY, daily: 8 }, PROPOSED_POLICY)).toBe(false);
});

test('an error of the previewed policy belongs to its field', () => {
  const problem = { status: 422, errors: [{ field: 'policy.daily', detail: 'must be 10000 at most' }] };
  const error = inPolicy(new ProblemError(problem as ProblemDocument));
  expect(error).toMatchObject({ problem: { errors: [{ field: 'daily', detail: 'must be 10000 at most' }] } });
  expect(inPolicy('other')).toBe('other');
});

const PLAN: Pick<RetentionPlan, 'keep' | 'delete'> = {
  keep: [
    { id: '2026-11-30T12-00-00Z-aaaaaaaa', reasons: ['last', 'daily'] },
    { id: '2026-10-01T12-00-00Z-bbbbbbbb', reasons: ['monthly'] },
    { id: 'a-strange-name', reasons: ['found'] },
  ],
  delete: [
    { id: '2026-11-30T08-00-00Z-cccccccc', bytes: 1000, reason: 'no_rule', retained_since: null },
    { id: '2026-11-02T12-00-00Z-dddddddd', bytes: 2000, reason: 'no_rule', retained_since: null },
  ],
};

test('the calendar has the months with backups, newest first, in weeks from Monday', () => {
  const months = monthsOf(plannedBackups(PLAN));
  expect(months.map(({ year, month }) => [year, month])).toEqual([
    [2026, 11],
    [2026, 10],
  ]);
  const [november] = months;
  // 1 November 2026 is a Sunday, 30 November a Monday.
  expect(november?.weeks[0]?.map((day) => day?.day)).toEqual([...Array(6).fill(undefined), 1]);
  expect(november?.weeks.at(-1)?.map((day) => day?.day)).toEqual([30, ...Array(6).fill(undefined)]);
  expect(november?.weeks.flat().filter((day) => day !== undefined)).toHaveLength(30);
});

test('a day has its kept and deleted backups, with the reasons in words', () => {
  const [november] = monthsOf(plannedBackups(PLAN));
  const day = november?.weeks.flat().find((each) => each?.day === 30);
  expect(countsOf(day?.backups ?? [])).toEqual({ kept: 1, deleted: 1 });
  expect(day?.backups.map(({ reasons }) => reasons)).toEqual([
    ['one of the newest', 'newest of its day'],
    ['no rule keeps it'],
  ]);
});

test('a backup whose name has no time is in the list, and not in the calendar', () => {
  const backups = plannedBackups(PLAN);
  const inCalendar = monthsOf(backups).flatMap(({ weeks }) =>
    weeks.flat().flatMap((day) => day?.backups ?? []),
  );
  expect(backups).toHaveLength(5);
  expect(inCalendar).toHaveLength(4);
});
