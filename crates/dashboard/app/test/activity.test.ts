import { beforeEach, expect, test, vi } from 'vitest';
import { type Activity, progressOf, runningCount } from '../src/activity/useActivity';
import { followJob } from '../src/api/jobEvents';
import { type Job, jobs } from '../src/api/jobs';
import { type ProblemDocument, ProblemError } from '../src/api/problem';
import { queries } from '../src/api/queries';
import type { Transfer } from '../src/transfers/store';

const openStream = vi.hoisted(() => vi.fn<(path: string) => Promise<Response>>());
vi.mock('../src/api/client', async (original) => ({ ...(await original<object>()), openStream }));

const job = (id: string, changed: Partial<Job> = {}) =>
  ({ id, state: 'running', rows_done: 0, rows_total: null, ...changed }) as Job;

const event = (name: string, state: Job) => `id: 1\nevent: ${name}\ndata: ${JSON.stringify(state)}\n\n`;

beforeEach(() => {
  queries.clear();
  openStream.mockReset();
});

test('each event of a job is shown in the list, and the end stops the stream', async () => {
  const list = { items: [job('other'), job('one')], total: 2, limit: 20, offset: 0 };
  queries.setQueryData(jobs.queryKey, list, { updatedAt: Date.now() });
  const readAt = queries.getQueryState(jobs.queryKey)?.dataUpdatedAt;
  const seen: number[] = [];
  queries.getQueryCache().subscribe(() => {
    const done = queries.getQueryData(jobs.queryKey)?.items[1]?.rows_done ?? 0;
    if (done !== seen.at(-1)) seen.push(done);
  });
  const end = job('one', { rows_done: 9, state: 'succeeded' });
  const half = job('one', { rows_done: 5 });
  openStream.mockResolvedValue(new Response(`: open\n\n${event('progress', half)}${event('ended', end)}`));
  await followJob('one', new AbortController().signal);
  expect(openStream).toHaveBeenCalledTimes(1);
  expect(openStream.mock.calls[0]?.[0]).toBe('/backup/jobs/one/events');
  expect(seen).toEqual(expect.arrayContaining([5, 9]));
  expect(queries.getQueryData(jobs.queryKey)?.items.map(({ state }) => state)).toEqual([
    'running',
    'succeeded',
  ]);
  // The polling of the list goes by its own age.
  expect(queries.getQueryState(jobs.queryKey)?.dataUpdatedAt).toBe(readAt);
});

test('a broken stream is opened again, and an unknown job is not', async () => {
  vi.useFakeTimers();
  openStream.mockResolvedValueOnce(new Response(event('progress', job('one'))));
  const problem = { code: 'unknown_job', status: 404, detail: '' } as ProblemDocument;
  openStream.mockRejectedValueOnce(new ProblemError(problem));
  const followed = followJob('one', new AbortController().signal);
  await vi.advanceTimersByTimeAsync(10_000);
  await followed;
  expect(openStream).toHaveBeenCalledTimes(2);
  vi.useRealTimers();
});

test('the progress is the mean of what is known', () => {
  const nothing: Activity = { running: [], failed: [], finished: [], downloads: [], uploads: [] };
  expect(progressOf(nothing)).toBeUndefined();
  const running = [job('one', { rows_done: 5, rows_total: 10 }), job('two', { rows_total: null })];
  expect(progressOf({ ...nothing, running })).toBe(0.5);
  const downloads = [
    { id: 1, state: { at: 'running' }, progress: { bytes: 100, rows: 0, totalBytes: 100 } },
    { id: 2, state: { at: 'waiting' }, progress: { bytes: 0, rows: 0 } },
    { id: 3, state: { at: 'done' }, progress: { bytes: 1, rows: 0, totalBytes: 1 } },
  ] as unknown as Transfer[];
  expect(progressOf({ ...nothing, running, downloads })).toBe(0.75);
  expect(runningCount({ ...nothing, running, downloads })).toBe(4);
});
