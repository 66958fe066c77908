// How the service is asked what became of a request.
import type { Archive } from '../api/archives';
import { body, client } from '../api/client';
import { failureOf, hasEnded, type Job } from '../api/jobs';
import { isGone, ProblemError } from '../api/problem';
import type { LookupResult } from './settle';

/** The job of a request, by the key that the request was sent with. */
export async function jobOf(key: string): Promise<Job | undefined> {
  const query = { idempotency_key: key };
  return body(await client.GET('/backup/jobs', { params: { query } })).items[0];
}

/** Of a request whose answer is its job: whatever has become of the job, the request has done its part. */
export async function lookUpJob(key: string): Promise<LookupResult<Job>> {
  const job = await jobOf(key);
  return job ? { at: 'done', result: job } : { at: 'none' };
}

/** Of a request that is answered when its job has ended. `read` makes the answer of what the job has left. */
export async function lookUpResult<T>(key: string, read: (job: Job) => T): Promise<LookupResult<T>> {
  const job = await jobOf(key);
  if (!job) return { at: 'none' };
  const error = failureOf(job);
  if (error) return { at: 'failed', error };
  return hasEnded(job) ? { at: 'done', result: read(job) } : { at: 'running', job };
}

/** What of an archive a request changes, as it is afterwards. */
export type ExpectedArchive = Partial<Pick<Archive, 'label' | 'note' | 'protected'>>;

/** Of a request that changes an archive, which has no job: whether the archive is as it should be then. */
export async function lookUpChange(id: string, expected: ExpectedArchive): Promise<LookupResult<true>> {
  const now = await archiveNow(id);
  if (now instanceof ProblemError) return { at: 'failed', error: now };
  const names = Object.keys(expected) as (keyof ExpectedArchive)[];
  return names.every((name) => now[name] === expected[name]) ? { at: 'done', result: true } : { at: 'none' };
}

/** Of a request that deletes an archive: whether it is gone. */
export async function lookUpDeletion(id: string): Promise<LookupResult<true>> {
  return (await archiveNow(id)) instanceof ProblemError ? { at: 'done', result: true } : { at: 'none' };
}

/** The archive, or the refusal that says that it is gone. */
async function archiveNow(id: string): Promise<Archive | ProblemError> {
  try {
    return body(await client.GET('/backup/archives/{id}', { params: { path: { id } } }));
  } catch (error) {
    if (error instanceof ProblemError && isGone(error)) return error;
    throw error;
  }
}
