import { expect, test } from 'vitest';
import type { Job } from '../src/api/jobs';
import { problemMessage } from '../src/components/problemMessage';
import { unreadableMessage } from '../src/components/unreadableMessage';
import { dateTime } from '../src/locale/format';
import { jobMessage } from '../src/requests/jobMessage';

function job(changed: object): Job {
  return {
    id: '01a21323-465d-77be-a326-abc1544e35d2',
    kind: 'verify',
    state: 'failed',
    phase: 'checking',
    rows_done: 0,
    rows_total: null,
    bytes: 0,
    eta_seconds: null,
    username: 'admin',
    created_at: '2026-11-28T13:00:00Z',
    started_at: '2026-11-28T13:00:00Z',
    heartbeat_at: '2026-11-28T13:00:01Z',
    ended_at: '2026-11-28T13:00:01Z',
    parameters: { archive_id: '2026-11-28T13-00-01Z-24156b48', level: 'digest' },
    result: null,
    error: null,
    ...changed,
  } as unknown as Job;
}

test('only ended jobs have a message', () => {
  for (const state of ['queued', 'running', 'cancelling']) expect(jobMessage(job({ state }))).toBeUndefined();
  const all = ['archive', 'upload', 'verify', 'restore', 'clear', 'undo'] as const;
  for (const kind of all) {
    const done = jobMessage(job({ kind, state: 'succeeded', result: {} }));
    const failed = jobMessage(
      job({ kind, error: { code: 'insufficient_storage', detail: 'There is no room left.' } }),
    );
    expect([done?.isSuccess, failed?.isSuccess]).toEqual([true, false]);
    expect(done?.title).not.toBe(failed?.title);
    expect(failed?.text).toContain('There is no room left.');
  }
});

test('damage is reported as damage, and an unavailable store is not', () => {
  const damaged = jobMessage(job({ error: { code: 'archive_truncated', detail: 'x' } }), 'before the exams');
  expect(damaged?.title).toBe('“\u2068before the exams\u2069” is damaged');
  expect(damaged?.text).toContain('Create a new backup now.');
  const away = jobMessage(job({ error: { code: 'store_unavailable', detail: 'The store is away.' } }));
  expect(away?.title).toBe(`The backup of ${dateTime('2026-11-28T13:00:01Z')} could not be verified`);
  expect(away?.text).toBe('The store is away.');
});

test('messages contain no parameters and no ids', () => {
  const moved = { code: 'plan_outdated', detail: 'Nothing was changed; ask for a new plan.' };
  const words = [
    jobMessage(job({ kind: 'restore', error: moved })),
    jobMessage(job({ state: 'cancelled' })),
    jobMessage(job({ kind: 'restore', state: 'succeeded', result: {} })),
  ];
  for (const each of words) expect(`${each?.title} ${each?.text}`).not.toMatch(/plan|24156b48|_/);
});

test('the message for an unreadable entry does not contain its path', () => {
  const id = '2026-11-28T13-00-01Z-24156b48';
  for (const code of ['incomplete', 'access_denied', 'invalid_manifest']) {
    const { title, detail } = unreadableMessage({ id, code });
    expect(title).toContain(`The backup of ${dateTime('2026-11-28T13:00:01Z')}`);
    expect(`${title} ${detail}`).not.toMatch(/24156b48|_|manifest/);
  }
  expect(unreadableMessage({ id: '../x', code: 'invalid_name' }).title).not.toContain('x/');
});

test('a defect of an archive is a sentence, and its position is technical detail', () => {
  expect(problemMessage('archive_invalid_row')).toEqual({
    detail: 'One of its rows is invalid.',
    isTechnical: true,
  });
  const failed = jobMessage(
    job({ kind: 'upload', error: { code: 'archive_corrupt', detail: 'The archive is damaged in line 17.' } }),
  );
  expect(failed?.text).toBe('Its content can’t be read to the end.');
  expect(problemMessage('insufficient_storage')).toEqual({});
});
