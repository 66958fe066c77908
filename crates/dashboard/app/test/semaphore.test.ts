import { expect, test } from 'vitest';
import { Semaphore } from '../src/transfers/semaphore';

const never = new AbortController().signal;

/** Acquires a permit and records its state. */
function taken(semaphore: Semaphore, signal = never) {
  const task: { isRunning: boolean; error?: unknown; release: () => void } = {
    isRunning: false,
    release: () => undefined,
  };
  semaphore.acquire(signal).then(
    (release) => {
      task.isRunning = true;
      task.release = release;
    },
    (error) => {
      task.error = error;
    },
  );
  return task;
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test('tasks beyond the limit wait in their order', async () => {
  const semaphore = new Semaphore(2);
  const tasks = [1, 2, 3, 4].map(() => taken(semaphore));
  const running = () => tasks.map(({ isRunning }) => isRunning);
  await settled();
  expect(running()).toEqual([true, true, false, false]);
  tasks[1]?.release();
  await settled();
  expect(running()).toEqual([true, true, true, false]);
});

test('a permit that is released twice counts once', async () => {
  const semaphore = new Semaphore(1);
  const first = taken(semaphore);
  await settled();
  first.release();
  first.release();
  const next = [taken(semaphore), taken(semaphore)];
  await settled();
  expect(next.map(({ isRunning }) => isRunning)).toEqual([true, false]);
});

test('a task that is cancelled while it waits leaves the queue', async () => {
  const semaphore = new Semaphore(1);
  const first = taken(semaphore);
  const controller = new AbortController();
  const cancelled = taken(semaphore, controller.signal);
  const last = taken(semaphore);
  await settled();
  controller.abort();
  await settled();
  expect(cancelled.error).toMatchObject({ name: 'AbortError' });
  first.release();
  await settled();
  expect([cancelled.isRunning, last.isRunning]).toEqual([false, true]);
});

test('a task that was cancelled before it starts gets no permit', async () => {
  const semaphore = new Semaphore(1);
  const cancelled = taken(semaphore, AbortSignal.abort());
  const next = taken(semaphore);
  await settled();
  expect([cancelled.isRunning, next.isRunning]).toEqual([false, true]);
});
