// The times of a schedule, as inputs, cron expressions and words.
import { expect, test } from 'vitest';
import { DEFAULT_TIMES, fromCron, toCron, wordsOf } from '../src/pages/schedules/times';

const cronOf = (part: Partial<typeof DEFAULT_TIMES>) => toCron({ ...DEFAULT_TIMES, ...part });

test('each interval becomes a cron expression of five fields', () => {
  expect(cronOf({ every: 'hour', minute: '05' })).toEqual({ cron: '5 * * * *' });
  expect(cronOf({ every: 'day', time: '22:30' })).toEqual({ cron: '30 22 * * *' });
  expect(cronOf({ every: 'week', weekday: '0', time: '02:00' })).toEqual({ cron: '0 2 * * 0' });
  expect(cronOf({ every: 'month', day: 'L', time: '00:09' })).toEqual({ cron: '9 0 L * *' });
  expect(cronOf({ every: 'cron', cron: '  0  7-18   * * 1-5 ' })).toEqual({ cron: '0 7-18 * * 1-5' });
});

test('incomplete times are not sent', () => {
  expect(cronOf({ every: 'hour', minute: '60' })).toHaveProperty('problem');
  expect(cronOf({ every: 'hour', minute: '' })).toHaveProperty('problem');
  expect(cronOf({ every: 'day', time: '' })).toHaveProperty('problem');
  expect(cronOf({ every: 'cron', cron: ' ' })).toHaveProperty('problem');
});

test.each(['0 * * * *', '30 22 * * *', '0 2 * * 0', '0 2 1 * *', '15 3 L * *', '5 5 28 * *'])(
  'the expression %s of the inputs stays the same',
  (cron) => {
    const times = fromCron(cron);
    expect(times.every).not.toBe('cron');
    expect(toCron(times)).toEqual({ cron });
  },
);

test.each([
  '*/15 * * * *',
  '0 2 1 1 *',
  '0 2 31 * *',
  '0 2 1 * 1',
  '0 2 * * MON',
  '0 7-18 * * 1-5',
  '0 2 * * 7',
])('the expression %s has no inputs of its own and stays the same', (cron) => {
  const times = fromCron(cron);
  expect(times.every).toBe('cron');
  expect(toCron(times)).toEqual({ cron });
});

test('an expression is shown in words', () => {
  expect(wordsOf('0 2 * * *')).toBe('At 02:00, every day');
  expect(wordsOf('0 2 * * 0')).toBe('At 02:00, only on Sunday');
  expect(wordsOf('30 22 L * *')).toBe('At 22:30, on the last day of the month');
});

test('an expression without five fields has no words', () => {
  for (const cron of ['', '@daily', '0 0 2 * * *', '0 2 * *', '99 2 * * *', 'at noon every single day'])
    expect(wordsOf(cron)).toBeUndefined();
});
