import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Job } from '../src/api/jobs';
import { type ProblemDocument, ProblemError, ServiceUnreachable } from '../src/api/problem';
import {
  type LookupResult,
  type LookupState,
  NotReceived,
  OutcomeUnknown,
  settle,
} from '../src/requests/settle';
import * as session from '../src/session/store';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const refusal = (status: number) => new ProblemError({ status, detail: 'No.' } as ProblemDocument);
const NONE = { at: 'none' } as const;
const DONE = { at: 'done', result: 'done' } as const;
const JOB = { id: 'job', rows_done: 7 } as Job;

/** Settles a request with the given answer and lookups. The last lookup is repeated. */
function settled(send: () => Promise<string>, ...lookups: (LookupResult<string> | Error)[]) {
  const reports: LookupState[] = [];
  let asked = 0;
  let isWanted = true;
  let signal: AbortSignal | undefined;
  const outcome = settle({
    send: (given) => {
      signal = given;
      return send();
    },
    lookUp: async () => {
      const found = lookups[Math.min(asked, lookups.length - 1)] ?? NONE;
      asked += 1;
      if (found instanceof Error) throw found;
      return found;
    },
    report: (lookup) => reports.push(lookup),
    isWanted: () => isWanted,
  }).catch((error: unknown) => error);
  const abandon = () => {
    isWanted = false;
  };
  return { outcome, reports, asked: () => asked, signal: () => signal, abandon };
}

const cut = () => Promise.reject(new ServiceUnreachable());
const never = () => new Promise<string>(() => undefined);

test('an answer is the outcome, and nothing is looked up', async () => {
  const { outcome, asked, reports } = settled(async () => 'answered');
  expect(await outcome).toBe('answered');
  const refused = settled(() => Promise.reject(refusal(409)));
  expect(await refused.outcome).toMatchObject({ message: 'No.' });
  await vi.runAllTimersAsync();
  expect([asked(), refused.asked(), reports.length, refused.reports.length]).toEqual([0, 0, 0, 0]);
});

test('a lost answer is looked up, and until then the outcome is unknown', async () => {
  const running = { at: 'running', job: JOB } as const;
  const { outcome, reports } = settled(cut, new ServiceUnreachable(), NONE, running, DONE);
  await vi.runAllTimersAsync();
  expect(await outcome).toBe('done');
  expect(reports[0]).toEqual({ job: undefined, unanswered: 0 });
  expect(reports.some(({ unanswered }) => unanswered === 1)).toBe(true);
  expect(reports.at(-1)).toEqual({ job: JOB, unanswered: 0 });
});

test('a failure without an answer is reported with its reason', async () => {
  const { outcome } = settled(cut, { at: 'failed', error: refusal(422) });
  await vi.runAllTimersAsync();
  expect(await outcome).toMatchObject({ problem: { status: 422 } });
});

test('only several lookups without a record mean that a request has not arrived', async () => {
  const { outcome, asked } = settled(
    cut,
    new ServiceUnreachable(),
    NONE,
    NONE,
    new ServiceUnreachable(),
    NONE,
  );
  await vi.runAllTimersAsync();
  expect(await outcome).toBeInstanceOf(NotReceived);
  expect(asked()).toBe(5);
});

test('an unavailable service is asked until it answers', async () => {
  const { outcome, reports, asked } = settled(cut, new ServiceUnreachable());
  let isSettled = false;
  outcome.then(() => {
    isSettled = true;
  });
  await vi.advanceTimersByTimeAsync(600_000);
  expect(isSettled).toBe(false);
  expect(asked()).toBeGreaterThan(100);
  expect(reports.at(-1)?.unanswered).toBe(asked());
});

test('after a sign-out nothing is looked up', async () => {
  const { outcome, asked, abandon } = settled(cut, new ServiceUnreachable());
  await vi.advanceTimersByTimeAsync(60_000);
  const before = asked();
  abandon();
  await vi.runAllTimersAsync();
  expect(await outcome).toMatchObject({ name: 'AbortError' });
  expect(asked()).toBe(before);
});

test('a job may have started although the service answered with an error', async () => {
  const { outcome } = settled(() => Promise.reject(refusal(503)), DONE);
  await vi.runAllTimersAsync();
  expect(await outcome).toBe('done');
  const refused = settled(() => Promise.reject(refusal(503)), NONE);
  await vi.runAllTimersAsync();
  expect(await refused.outcome).toMatchObject({ problem: { status: 503 } });
  expect(refused.asked()).toBe(1);
});

test('a missing answer does not block the lookup, and may still arrive', async () => {
  const hanging = settled(never, NONE, NONE, NONE, NONE, DONE);
  await vi.runAllTimersAsync();
  expect(await hanging.outcome).toBe('done');
  expect(hanging.signal()?.aborted).toBe(true);
  const late = settled(() => new Promise((resolve) => setTimeout(() => resolve('late'), 40_000)), NONE);
  await vi.runAllTimersAsync();
  expect(await late.outcome).toBe('late');
});

test('a service that refuses a lookup is not unavailable', async () => {
  const forbidden = settled(cut, refusal(403));
  await vi.runAllTimersAsync();
  expect(await forbidden.outcome).toBeInstanceOf(OutcomeUnknown);
  expect(forbidden.asked()).toBe(1);
  // The same holds for an answer that can't be read.
  const unreadable = settled(cut, new TypeError('x is undefined'));
  await vi.runAllTimersAsync();
  expect(await unreadable.outcome).toBeInstanceOf(OutcomeUnknown);
  // While the answer may still arrive, the page waits for it.
  const late = settled(
    () => new Promise((resolve) => setTimeout(() => resolve('late'), 40_000)),
    refusal(403),
  );
  await vi.runAllTimersAsync();
  expect(await late.outcome).toBe('late');
  const trouble = settled(cut, refusal(503), refusal(429), DONE);
  await vi.runAllTimersAsync();
  expect(await trouble.outcome).toBe('done');
  expect(trouble.reports.map(({ unanswered }) => unanswered)).toContain(2);
});

test('an ended session pauses the lookup and is not a missing answer', async () => {
  session.begin('token', { username: 'admin' } as session.User, 3_600);
  session.expire();
  const ended = new ProblemError({ status: 401, code: 'unauthenticated', detail: 'No.' } as ProblemDocument);
  const { outcome, asked, reports } = settled(cut, ended, DONE);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked()).toBe(1);
  session.begin('another token', { username: 'admin' } as session.User, 3_600);
  await vi.runAllTimersAsync();
  expect(await outcome).toBe('done');
  expect(reports.every(({ unanswered }) => unanswered === 0)).toBe(true);
});
