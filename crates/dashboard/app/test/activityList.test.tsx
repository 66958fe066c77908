import { screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { ActivityList } from '../src/activity/ActivityList';
import { useActivity } from '../src/activity/useActivity';
import type { Job } from '../src/api/jobs';
import { show } from './page';
import { answer, json, pageOf, refusal, sent } from './service';

function job(id: string, changed: Partial<Job>): Job {
  const now = new Date().toISOString();
  return {
    id,
    kind: 'archive',
    state: 'succeeded',
    phase: 'waiting',
    username: 'admin',
    parameters: { label: null, note: null, protected: false } as Job['parameters'],
    result: null,
    error: null,
    bytes: 0,
    rows_done: 0,
    rows_total: null,
    eta_seconds: null,
    created_at: now,
    started_at: now,
    heartbeat_at: now,
    ended_at: now,
    ...changed,
  };
}

const ERROR = { code: 'internal', detail: 'SQL: no such table.' } as NonNullable<Job['error']>;
const FAILED: Partial<Job> = { state: 'failed', error: ERROR };

function Activity() {
  return <ActivityList activity={useActivity()} />;
}

/** Shows the list of these jobs. The service has the failed ones in a list of their own, too. */
function showJobs(...jobs: Job[]) {
  answer('GET /backup/jobs', ({ query }) => {
    // None of them was started here.
    if (query.idempotency_key) return pageOf([]);
    return pageOf(query.state ? jobs.filter(({ state }) => state === query.state) : jobs);
  });
  return show(<Activity />);
}

const section = async (name: string) => within(await screen.findByRole('region', { name }));

test('without any job the list says so', async () => {
  showJobs();
  await screen.findByText('Nothing has run yet.');
  expect(screen.queryByRole('region')).toBeNull();
});

test('each job is in the section of its state once, and a failure is in plain words', async () => {
  showJobs(
    job('1', { state: 'running', rows_done: 5, rows_total: 10, ended_at: null }),
    job('2', { ...FAILED, kind: 'clear', username: 'zoe' }),
    job('3', { kind: 'undo' }),
  );
  const failed = await section('Failed since yesterday');
  failed.getByText('Nothing was cleared');
  expect(failed.getByRole('listitem').textContent).toContain(', by zoe');
  expect(screen.queryByText(/SQL/)).toBeNull();
  expect((await section('Running')).getByRole('progressbar').getAttribute('aria-valuenow')).toBe('50');
  expect((await section('Finished')).getAllByRole('listitem')).toHaveLength(1);
  (await section('Finished')).getByText('The change was undone');
});

test('dismissed failures leave their section, and stay dismissed', async () => {
  const user = showJobs(job('4', FAILED), job('5', { ...FAILED, state: 'interrupted' }));
  const failed = await section('Failed since yesterday');
  expect(failed.getAllByRole('listitem')).toHaveLength(2);
  await user.click(failed.getByRole('button', { name: 'Dismiss all' }));
  expect((await section('Finished')).getAllByRole('listitem')).toHaveLength(2);
  expect(screen.queryByRole('region', { name: 'Failed since yesterday' })).toBeNull();
  expect(JSON.parse(localStorage.getItem('campus-backup.dismissed-jobs') ?? '')).toEqual(['5', '4']);
});

test('only a job that creates or verifies a backup can be tried again', async () => {
  showJobs(
    job('6', { ...FAILED, kind: 'restore' }),
    job('7', { ...FAILED, kind: 'clear' }),
    job('8', FAILED),
    job('9', { ...FAILED, kind: 'verify', parameters: { archive_id: 'one', level: 'digest' } as never }),
  );
  const items = (await section('Failed since yesterday')).getAllByRole('listitem');
  const titles = items
    .filter((item) => within(item).queryByRole('button', { name: 'Try again' }))
    .map((item) => item.firstElementChild?.textContent);
  expect(titles).toEqual([expect.stringMatching(/could not be verified$/), 'No backup was created']);
});

test('a new attempt keeps the name of the backup, and a refusal is shown beside it', async () => {
  const parameters = { label: 'exams', note: null, protected: true } as Job['parameters'];
  const user = showJobs(job('10', { ...FAILED, parameters }));
  const create = 'POST /backup/archives';
  const failed = await section('Failed since yesterday');
  const again = failed.getByRole('button', { name: 'Try again' });
  answer(create, refusal(409, 'busy'));
  await user.click(again);
  await failed.findByRole('alert', { name: 'Another change is running' });
  answer(create, json(job('11', { state: 'queued' }), 202));
  await user.click(again);
  await waitFor(() => expect(failed.queryByRole('alert')).toBeNull());
  expect(sent(create)[1]?.body).toEqual({ label: 'exams', note: null, protected: true });
});
