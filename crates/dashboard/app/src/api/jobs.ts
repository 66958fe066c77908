import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import { pollEvery } from './polling';
import { isSessionEnd, ProblemError } from './problem';
import type { components } from './schema';

export type Job = components['schemas']['Job'];
export type JobResult = components['schemas']['JobResult'];

/** The result of a job of this kind, if it has succeeded. */
export function resultOf<K extends JobResult['kind']>(
  job: Job,
  kind: K,
): Extract<JobResult, { kind: K }> | undefined {
  const isOfKind = (result: JobResult): result is Extract<JobResult, { kind: K }> => result.kind === kind;
  return job.result && isOfKind(job.result) ? job.result : undefined;
}

export function hasEnded(job: Job): boolean {
  return !['queued', 'running', 'cancelling'].includes(job.state);
}

/**
 * One job, polled until it ends. If the service is unavailable, polling continues, because the job continues without
 * this page.
 */
export const job = (id: string) =>
  queryOptions({
    queryKey: ['job', id],
    queryFn: async ({ signal }) =>
      body(await client.GET('/backup/jobs/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => {
      if (
        isSessionEnd(state.error) ||
        (state.error instanceof ProblemError && state.error.problem.status === 404)
      ) {
        return false;
      }
      return state.data && hasEnded(state.data) ? false : 500;
    },
    retry: false,
    staleTime: 0,
  });

/** The newest jobs of all users. */
export const jobs = queryOptions({
  queryKey: ['jobs', 'newest'],
  queryFn: async ({ signal }) =>
    body(await client.GET('/backup/jobs', { params: { query: { limit: 20 } }, signal })),
  refetchInterval: ({ state }) => {
    if (isSessionEnd(state.error)) return false;
    return state.data?.items.some((each) => !hasEnded(each)) ? 1_000 : 10_000;
  },
});

const DAY = 24 * 60 * 60 * 1_000;

/** The jobs of all users that have failed since yesterday, newest first. */
export const failures = queryOptions({
  queryKey: ['jobs', 'failures'],
  queryFn: async ({ signal }) => {
    const failed = async (state: 'failed' | 'interrupted') =>
      body(await client.GET('/backup/jobs', { params: { query: { state, limit: 10 } }, signal })).items;
    const found = (await Promise.all([failed('failed'), failed('interrupted')])).flat();
    const isRecent = ({ ended_at }: Job) => ended_at != null && Date.now() - Date.parse(ended_at) < DAY;
    return found.filter(isRecent).sort((one, other) => other.id.localeCompare(one.id));
  },
  refetchInterval: pollEvery(60_000),
});

/** Whether a job changes the data. Only one such job runs at a time. */
export const changesData = (job: Job): boolean => ['clear', 'restore', 'undo', 'import'].includes(job.kind);

/** The error of a job that has ended without success. */
export function failureOf(job: Job): ProblemError | undefined {
  if (!hasEnded(job) || job.state === 'succeeded') return undefined;
  const cancelled = job.state === 'cancelled';
  const code = (job.error?.code ?? 'cancelled') as ProblemError['problem']['code'];
  return new ProblemError({
    type: `urn:campus-backup:problem:${code}`,
    title: cancelled ? 'The job was cancelled' : 'The job failed',
    status: 409,
    detail: job.error?.detail ?? 'Nothing was changed.',
    code,
    request_id: '',
  });
}

export async function cancel(id: string, signal: AbortSignal | null = null): Promise<void> {
  await client.POST('/backup/jobs/{id}/cancel', { params: { path: { id } }, signal });
}

/** Whether a job has ended or is being cancelled. */
export async function isStopping(id: string): Promise<boolean> {
  const now = body(await client.GET('/backup/jobs/{id}', { params: { path: { id } } }));
  return now.state === 'cancelling' || hasEnded(now);
}

const KINDS: Record<Job['kind'], string> = {
  archive: 'Creating a backup',
  upload: 'Checking an uploaded file',
  verify: 'Verifying a backup',
  restore: 'Restoring a backup',
  clear: 'Clearing data',
  undo: 'Undoing a change',
  import: 'Importing a file',
  retention: 'Deleting old backups',
  rekey: 'Encrypting a backup again',
};

const PHASES: Record<Job['phase'], string> = {
  waiting: 'Queued',
  backing_up: 'Reading and storing the rows',
  checking: 'Checking the stored backup',
  test_restore: 'Restoring into a temporary database',
  comparing: 'Comparing with the current data',
  safety_backup: 'Creating the safety backup',
  changing: 'Changing the data',
  committing: 'Saving',
  deleting: 'Deleting backups',
  encrypting: 'Encrypting with the current keys',
};

export const kindLabel = (job: Job): string => KINDS[job.kind];
export const phaseLabel = (job: Job): string => PHASES[job.phase];

/** A field of a job's result or parameters, if it is a string. */
export function stringField(job: Job, name: string): string | undefined {
  const fields = {
    ...(job.parameters as Record<string, unknown>),
    ...(job.result as Record<string, unknown> | null),
  };
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}
