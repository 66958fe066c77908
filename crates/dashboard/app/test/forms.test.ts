// Errors at their fields, the expiry of tokens, and times that name their zone.

import { expect, test } from 'vitest';
import { type ProblemDocument, ProblemError, ServiceUnreachable } from '../src/api/problem';
import { changedFields } from '../src/components/changedFields';
import { fieldErrors } from '../src/components/fieldErrors';
import { fromNow } from '../src/locale/format';
import { timeInZone, timeZones, weekdayNames } from '../src/locale/zone';
import { expiryOf } from '../src/pages/tokens/scopes';

const LABELS = { name: 'The name', to: 'The mail address' };
const refusal = (problem: Partial<ProblemDocument>) =>
  new ProblemError({ status: 422, code: 'invalid_field', detail: 'No.', ...problem } as ProblemDocument);

test('an error is shown at its field, also one of a list in the field', () => {
  const error = refusal({
    errors: [
      { field: 'name', detail: 'must not be empty' },
      { field: 'to.0', detail: 'must be an address.' },
    ],
  });
  expect(fieldErrors(error, LABELS)).toEqual({
    fields: { name: 'The name must not be empty.', to: 'The mail address must be an address.' },
    rest: null,
  });
});

test('an error that no field shows is shown by itself', () => {
  const other = refusal({ errors: [{ field: 'body', detail: 'is wrong' }] });
  expect(fieldErrors(other, LABELS)).toEqual({ fields: {}, rest: other });
  const both = refusal({
    errors: [
      { field: 'name', detail: 'is wrong' },
      { field: 'body', detail: 'is wrong' },
    ],
  });
  expect(fieldErrors(both, LABELS)).toEqual({ fields: { name: 'The name is wrong.' }, rest: both });
  const unreachable = new ServiceUnreachable();
  expect(fieldErrors(unreachable, LABELS).rest).toBe(unreachable);
  expect(fieldErrors(null, LABELS).rest).toBeNull();
});

test('a taken name is an error of the name', () => {
  const { fields, rest } = fieldErrors(refusal({ status: 409, code: 'schedule_name_taken' }), LABELS);
  expect(fields.name).toBe('Another schedule has this name.');
  expect(rest).toBeNull();
});

test('only changed fields are sent', () => {
  expect(
    changedFields<{ a: number; b: string | null; c: string[] }>(
      { a: 1, b: null, c: ['x'] },
      { a: 1, b: 'new', c: ['x'] },
    ),
  ).toEqual({ b: 'new' });
});

test('a token ends after its lifetime, or at the end of the chosen day', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  expect(expiryOf('', '', now)).toEqual({ at: null });
  expect(expiryOf('30', '', now)).toEqual({ at: '2026-12-30T12:00:00.000Z' });
  const today = new Date(now);
  const day = `${today.getFullYear()}-${today.getMonth() + 1}-${today.getDate()}`;
  expect(expiryOf('date', day, now)).toHaveProperty('at');
  expect(expiryOf('date', '2026-11-28', now)).toHaveProperty('problem');
  expect(expiryOf('date', '', now)).toHaveProperty('problem');
});

test('a time names its zone, and an unknown zone becomes UTC', () => {
  expect(timeInZone('2026-11-30T23:30:00Z', 'Europe/Berlin')).toBe('Tue, 1 Dec 2026, 00:30 (Europe/Berlin)');
  expect(timeInZone('2026-11-30T23:30:00Z', 'Mars/Base')).toBe('Mon, 30 Nov 2026, 23:30 (UTC)');
});

test('time zones have their present names', () => {
  const zones = timeZones();
  expect(zones).toEqual([...new Set(zones)].sort());
  for (const zone of ['Asia/Kolkata', 'Europe/Kyiv', 'Asia/Ho_Chi_Minh', 'UTC'])
    expect(zones).toContain(zone);
  for (const zone of ['Asia/Calcutta', 'Europe/Kiev', 'Asia/Saigon']) expect(zones).not.toContain(zone);
});

test('the time until a run is in its largest unit', () => {
  const now = Date.parse('2026-11-30T12:00:00Z');
  expect(fromNow('2026-11-30T12:00:10Z', now)).toBe('now');
  expect(fromNow('2026-11-30T12:45:00Z', now)).toBe('in 45 minutes');
  expect(fromNow('2026-12-01T02:00:00Z', now)).toBe('in 14 hours');
  expect(fromNow('2026-12-06T12:00:00Z', now)).toBe('in 6 days');
});

test('a week begins on Monday', () => {
  expect(weekdayNames('short')[0]).toBe('Mon');
  expect(weekdayNames('long')[6]).toBe('Sunday');
});
