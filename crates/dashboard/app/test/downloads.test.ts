// The targets of downloads, their limit, and their states.
import { beforeEach, expect, test, vi } from 'vitest';
import type * as Store from '../src/transfers/store';

let store: typeof Store;
/** The answers to the next requests. */
let answers: (() => Promise<Response>)[];
/** The file names that were suggested to the user. */
let suggested: string[];
let picked: { name: string; content: string; isClosed: boolean } | undefined;

beforeEach(async () => {
  vi.resetModules();
  answers = [];
  suggested = [];
  picked = undefined;
  vi.stubGlobal('fetch', async (request: Request) => {
    const next = answers.shift();
    if (next) return next();
    // The request runs until it is cancelled.
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason));
    });
  });
  vi.stubGlobal('window', { showSaveFilePicker: pick });
  store = await import('../src/transfers/store');
});

async function pick({ suggestedName }: { suggestedName: string }) {
  suggested.push(suggestedName);
  const file = { name: 'chosen by the user.csv', content: '', isClosed: false };
  picked = file;
  return {
    name: file.name,
    getFile: async () => ({ size: file.isClosed ? file.content.length : 0 }),
    createWritable: async () => ({
      write: async (chunk: Uint8Array) => {
        file.content += new TextDecoder().decode(chunk);
      },
      close: async () => {
        file.isClosed = true;
      },
      abort: async () => undefined,
    }),
  };
}

const csv = async () =>
  new Response('ID\r\n1\r\n', {
    headers: { 'X-Total-Rows': '1', 'Content-Disposition': 'attachment; filename="students_backup.csv"' },
  });
const broken = async (): Promise<Response> => {
  throw new TypeError('network error');
};
const states = () => store.transfers.current().map(({ state }) => state.at);
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test('three downloads run at the same time, and the next starts when one ends', async () => {
  for (let count = 0; count < 10; count += 1) store.start('students', 'csv', 10);
  await settled();
  expect(states()).toEqual([...Array(7).fill('waiting'), ...Array(3).fill('running')]);
  expect(store.isDownloading()).toBe(true);
  const [newest, next] = [store.transfers.current()[0], store.transfers.current()[6]];
  store.cancel(newest?.id ?? 0);
  await settled();
  expect(states().filter((at) => at === 'running')).toHaveLength(3);
  expect(states()[0]).toBe('cancelled');
  store.cancel(1);
  await settled();
  expect(store.transfers.current().find(({ id }) => id === next?.id)?.state.at).toBe('running');
  store.forgetDownloads();
  await settled();
  expect(states()).toEqual([]);
  expect(store.isDownloading()).toBe(false);
});

test('a large file has the name that the user chose', async () => {
  answers = [csv];
  await store.start('students', 'csv', store.LARGE);
  expect(suggested).toEqual(['students_backup.csv']);
  expect(picked).toMatchObject({ content: 'ID\r\n1\r\n', isClosed: true });
  expect(store.transfers.current()[0]?.state).toEqual({ at: 'done', fileName: 'chosen by the user.csv' });
});

test('“Download again” after an early failure writes to a file again', async () => {
  answers = [broken, csv];
  await store.start('students', 'csv', store.LARGE);
  expect(states()).toEqual(['failed']);
  const [failed] = store.transfers.current();
  if (failed) await store.startAgain(failed);
  expect(suggested).toHaveLength(2);
  expect(states()).toEqual(['done']);
});

test('a file with an unknown number of rows is treated as a large one', async () => {
  answers = [broken, broken, broken, csv];
  vi.useFakeTimers();
  const started = store.start('students', 'csv', undefined);
  await vi.runAllTimersAsync();
  vi.useRealTimers();
  await started;
  expect(suggested).toHaveLength(1);
  expect(states()).toEqual(['done']);
});

test('closing the file dialog is not a failure', async () => {
  window.showSaveFilePicker = async () => {
    throw new DOMException('closed', 'AbortError');
  };
  await store.start('students', 'csv', store.LARGE);
  expect(states()).toEqual([]);
});

test('an error of the file dialog is reported', async () => {
  const { FileNotWritable } = await import('../src/transfers/sink');
  window.showSaveFilePicker = async () => {
    throw new DOMException('Must be handling a user gesture', 'SecurityError');
  };
  await store.start('students', 'csv', store.LARGE);
  const [transfer] = store.transfers.current();
  expect(transfer?.state).toMatchObject({ at: 'failed' });
  expect(transfer?.state.at === 'failed' && transfer.state.error).toBeInstanceOf(FileNotWritable);
});

test('a download with a secret key carries it, also when it is started again', async () => {
  const sent: string[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(`${request.url} ${request.headers.get('X-Archive-Identity')}`);
    return broken();
  });
  const path = '/backup/archives/a/download/courses';
  await store.downloadInPage('Courses as CSV', { path, identity: 'AGE-SECRET-KEY-1A', format: 'csv' });
  const [failed] = store.transfers.current();
  if (failed) await store.startAgain(failed);
  expect(states()).toEqual(['failed']);
  const expected = 'https://school.example/campus/backup/archives/a/download/courses AGE-SECRET-KEY-1A';
  expect(sent).toEqual([expected, expected]);
});

declare global {
  interface Window {
    showSaveFilePicker: unknown;
  }
}
