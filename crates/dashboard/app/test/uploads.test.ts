// Cancelling an upload after the service has received the whole file.
import { beforeEach, expect, test, vi } from 'vitest';
import { type ProblemDocument, ProblemError } from '../src/api/problem';
import { cancelUpload, type UploadState, upload, uploads } from '../src/transfers/uploads';

const service = vi.hoisted(() => ({
  answer: (_: unknown): void => undefined,
  refuse: (_: unknown): void => undefined,
  jobs: [] as object[],
  cancel: vi.fn<(id: string) => Promise<void>>(),
  aborted: vi.fn(),
}));

vi.mock('../src/transfers/send', () => ({
  UploadUnanswered: class extends Error {},
  send: (file: File, _: string, signal: AbortSignal, report: (sent: number) => void) =>
    new Promise((resolve, reject) => {
      report(file.size);
      service.answer = resolve;
      service.refuse = reject;
      signal.addEventListener('abort', service.aborted);
    }),
}));
vi.mock('../src/requests/lookUp', () => ({ jobOf: async () => service.jobs[0], lookUpResult: vi.fn() }));
vi.mock('../src/api/jobs', async (original) => ({ ...(await original<object>()), cancel: service.cancel }));

beforeEach(() => {
  uploads.remove(() => true);
  service.jobs = [];
  service.cancel.mockReset();
  service.aborted.mockReset();
});

const refusal = (code: string) => new ProblemError({ code, status: 409, detail: code } as ProblemDocument);
const states = (): UploadState[] => uploads.current().map(({ state }) => state);
const id = () => uploads.current()[0]?.id ?? 0;

async function begun(): Promise<void> {
  upload(new File(['whole'], 'whole.json'));
  await vi.waitFor(() => expect(states()).toEqual([{ at: 'checking' }]));
}

test('the service stops, and the upload leaves the list after the confirmation', async () => {
  await begun();
  service.cancel.mockResolvedValue();
  cancelUpload(id());
  expect(states()).toEqual([{ at: 'checking', cancel: 'asked' }]);
  // The job starts a moment later.
  service.jobs = [{ id: 'job' }];
  await vi.waitFor(() => expect(service.cancel).toHaveBeenCalledWith('job'), { timeout: 5_000 });
  expect(states()).toEqual([{ at: 'checking', cancel: 'asked' }]);
  service.refuse(refusal('cancelled'));
  await vi.waitFor(() => expect(states()).toEqual([]));
  expect(service.aborted).not.toHaveBeenCalled();
});

test('an upload that is already being added stays visible', async () => {
  await begun();
  service.jobs = [{ id: 'job' }];
  service.cancel.mockRejectedValue(refusal('not_cancellable'));
  cancelUpload(id());
  await vi.waitFor(() => expect(states()).toEqual([{ at: 'checking', cancel: 'too late' }]));
  service.answer(undefined);
  await vi.waitFor(() => expect(states()).toEqual([{ at: 'done' }]));
});

test('a cancellation by another user is reported', async () => {
  await begun();
  service.refuse(refusal('cancelled'));
  await vi.waitFor(() => expect(states()).toMatchObject([{ at: 'failed' }]));
});
