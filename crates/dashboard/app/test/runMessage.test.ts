// The last run of a schedule in words.
import { expect, test } from 'vitest';
import type { Schedule } from '../src/api/schedules';
import { runMessage } from '../src/pages/schedules/runMessage';

type Run = NonNullable<Schedule['last_run']>;

const RUN: Run = {
  at: '2026-11-30T01:00:00Z',
  state: 'succeeded',
  failed_attempts: 0,
  retry_at: null,
  job_id: null,
  verify_job_id: null,
  archive_id: null,
  error: null,
  ended_at: null,
};
const ERROR = { code: 'insufficient_storage', detail: 'The disk is full.' } as NonNullable<Run['error']>;

test('the times are in the zone of the schedule, which is named', () => {
  const { text, kind } = runMessage(RUN, 'Europe/Berlin');
  expect(text).toBe('Last run: Mon, 30 Nov 2026, 02:00 (Europe/Berlin), succeeded.');
  expect(kind).toBe('good');
});

test('a failed run says why', () => {
  const { text, kind } = runMessage({ ...RUN, state: 'failed', error: ERROR }, 'UTC');
  expect(text).toMatch(/failed\. The disk is full\.$/);
  expect(kind).toBe('bad');
});

test('a run between two attempts says when the next one begins', () => {
  const waiting: Run = {
    ...RUN,
    state: 'waiting',
    failed_attempts: 2,
    error: ERROR,
    retry_at: '2026-11-30T01:06:00Z',
  };
  const { text, kind } = runMessage(waiting, 'UTC');
  expect(text).toContain('2 attempts failed. The disk is full. Next attempt: Mon, 30 Nov 2026, 01:06 (UTC).');
  expect(kind).toBe('bad');
  expect(runMessage({ ...RUN, state: 'waiting' }, 'UTC').kind).toBe('open');
});

test('a missed run is no success', () => {
  expect(runMessage({ ...RUN, state: 'missed' }, 'UTC')).toMatchObject({ kind: 'bad' });
});
