import { expect, test } from 'vitest';
import { errorFromResponse, ProblemError, ServiceUnreachable } from '../src/api/problem';
import { nameOf } from '../src/api/tables';
import { bytes, counted, duration, plural, rows } from '../src/locale/format';
import { localeOf } from '../src/locale/language';
import { CLEAR_ACTIONS, isConfirmed } from '../src/pages/clear/actions';
import { speedOf } from '../src/transfers/speed';

test('only the exact word confirms', () => {
  for (const typed of ['', 'student', 'Students', 'students!', 'all', 'stu dents']) {
    expect(isConfirmed(typed, 'students'), typed).toBe(false);
  }
  // Keyboards of phones add a space at the end.
  expect(isConfirmed('students ', 'students')).toBe(true);
});

test('each table has one clear action', () => {
  const scopes = CLEAR_ACTIONS.map(({ scope }) => scope);
  expect(new Set(scopes).size).toBe(scopes.length);
  expect(scopes).toContain('all');
});

test('an answer of a proxy is not taken for one of the service', async () => {
  const page = new Response('<h1>Bad gateway</h1>', {
    status: 502,
    headers: { 'Content-Type': 'text/html' },
  });
  expect(await errorFromResponse(page)).toBeInstanceOf(ServiceUnreachable);
  const broken = new Response('{', { status: 500, headers: { 'Content-Type': 'application/problem+json' } });
  expect(await errorFromResponse(broken)).toBeInstanceOf(ServiceUnreachable);
});

test('a refusal has its message and the time for a new attempt', async () => {
  const problem = { code: 'too_many_logins', status: 429, detail: 'Too many.' };
  const headers = { 'Content-Type': 'application/problem+json', 'Retry-After': '6' };
  const refusal = await errorFromResponse(new Response(JSON.stringify(problem), { status: 429, headers }));
  expect(refusal).toBeInstanceOf(ProblemError);
  expect(refusal).toMatchObject({ retryAfter: 6, message: 'Too many.' });
});

test('sizes, times and counts are readable', () => {
  expect([0, 999, 1_000, 12_345, 999_999, 3_400_000, 120_000_000].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1 kB',
    '12.3 kB',
    '1,000 kB',
    '3.4 MB',
    '120 MB',
  ]);
  expect([0, 59.4, 60, 3_599, 7_260].map(duration)).toEqual([
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '2 h 1 min',
  ]);
  expect([0, 1, 1_000].map(rows)).toEqual(['0 rows', '1 row', '1,000 rows']);
  expect([0, 1, 2].map((count) => counted(count, 'user', 'users'))).toEqual(['0 users', '1 user', '2 users']);
  expect([0, 1, 2].map((count) => plural(count, 'is', 'are'))).toEqual(['are', 'is', 'are']);
  expect(['payment_categories', 'all', 'unknown_table'].map(nameOf)).toEqual([
    'Payment categories',
    'Everything',
    'unknown_table',
  ]);
});

test('numbers and dates have the format of the page’s language', () => {
  const written = (...reader: string[]) => {
    const locale = localeOf('en', reader);
    const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
    return `${new Intl.NumberFormat(locale).format(1_234_567)}, ${day.format(Date.UTC(2026, 10, 28))}`;
  };
  for (const reader of ['ar-EG', 'fa-IR', 'ar-SA-u-nu-arab', 'de-AT', 'not a language', '']) {
    expect(written(reader), reader).toBe('1,234,567, 28 Nov 2026');
  }
  // The user's variety of the language, wherever it is in the list.
  expect(written('fa-IR', 'en-US')).toBe('1,234,567, Nov 28, 2026');
  expect(written('hi', 'en-IN')).toBe('12,34,567, 28 Nov 2026');
  expect(written('en-GB-u-nu-arab-ca-islamic')).toBe('1,234,567, 28 Nov 2026');
});

test('the first moments of a download give no estimate', () => {
  const progress = { bytes: 1_000_000, rows: 250, totalRows: 1_000, totalBytes: undefined };
  expect(speedOf({ progress, beganAt: 0, heardAt: 100 })).toEqual({
    bytesASecond: 0,
    secondsLeft: undefined,
  });
  expect(speedOf({ progress, beganAt: 0, heardAt: 2_000 })).toEqual({
    bytesASecond: 500_000,
    secondsLeft: 6,
  });
  // The number of bytes allows an exact estimate.
  const exact = { ...progress, rows: 0, totalBytes: 2_000_000 };
  expect(speedOf({ progress: exact, beganAt: 0, heardAt: 2_000 }).secondsLeft).toBe(2);
});
