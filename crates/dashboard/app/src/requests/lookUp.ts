// Asks the service for the outcome of a request.
import type { Archive } from '../api/archives';
import { body, client } from '../api/client';
import { failureOf, hasEnded, type Job } from '../api/jobs';
import { isGone, ProblemError } from '../api/problem';
import type { LookupResult } from './settle';

/** The job of a request, by its idempotency key. */
export async function jobOf(key: string): Promise<Job | undefined> {
  const query = { idempotency_key: key };
  return body(await client.GET('/backup/jobs', { params: { query } })).items[0];
}

/** For a request that is answered with its job: if the job exists, the request is done. */
export async function lookUpJob(key: string): Promise<LookupResult<Job>> {
  const job = await jobOf(key);
  return job ? { at: 'done', result: job } : { at: 'none' };
}

/** For a request that is answered when its job has ended. `read` converts the job's result into the answer. */
export async function lookUpResult<T>(key: string, read: (job: Job) => T): Promise<LookupResult<T>> {
  const job = await jobOf(key);
  if (!job) return { at: 'none' };
  const error = failureOf(job);
  if (error) return { at: 'failed', error };
  return hasEnded(job) ? { at: 'done', result: read(job) } : { at: 'running', job };
}

/** The fields of an archive that a request changes, with their new values. */
export type ExpectedArchive = Partial<Pick<Archive, 'label' | 'note' | 'protected'>>;

/** For a request that changes an archive and has no job: compares the archive with the expected values. */
export async function lookUpChange(id: string, expected: ExpectedArchive): Promise<LookupResult<true>> {
  const now = await archiveNow(id);
  if (now instanceof ProblemError) return { at: 'failed', error: now };
  const names = Object.keys(expected) as (keyof ExpectedArchive)[];
  return names.every((name) => now[name] === expected[name]) ? { at: 'done', result: true } : { at: 'none' };
}

/** For a request that accepts a suspicious archive: checks whether an administrator has accepted it. */
export async function lookUpAcceptance(id: string): Promise<LookupResult<true>> {
  const now = await archiveNow(id);
  if (now instanceof ProblemError) return { at: 'failed', error: now };
  return now.suspicion?.accepted_at == null ? { at: 'none' } : { at: 'done', result: true };
}

/** For a request that deletes an archive: checks whether it still exists. */
export async function lookUpDeletion(id: string): Promise<LookupResult<true>> {
  return (await archiveNow(id)) instanceof ProblemError ? { at: 'done', result: true } : { at: 'none' };
}

/** The archive, or the problem that says that it does not exist. */
async function archiveNow(id: string): Promise<Archive | ProblemError> {
  try {
    return body(await client.GET('/backup/archives/{id}', { params: { path: { id } } }));
  } catch (error) {
    if (error instanceof ProblemError && isGone(error)) return error;
    throw error;
  }
}
