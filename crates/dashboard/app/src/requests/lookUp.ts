// How the service is asked what became of a request.
import { body, client } from '../api/client';
import { failureOf, hasEnded, type Job } from '../api/jobs';
import { isGone } from '../api/problem';
import type { Found } from './settle';

/** The job of a request, by the key that the request was sent with. */
export async function jobOf(key: string): Promise<Job | undefined> {
  const query = { idempotency_key: key };
  return body(await client.GET('/backup/jobs', { params: { query } })).items[0];
}

/** Of a request whose answer is its job: whatever has become of the job, the request has done its part. */
export async function asJob(key: string): Promise<Found<Job>> {
  const job = await jobOf(key);
  return job ? { at: 'done', result: job } : { at: 'none' };
}

/** Of a request that is answered when its job has ended. `read` makes the answer of what the job has left. */
export async function asResult<T>(key: string, read: (job: Job) => T): Promise<Found<T>> {
  const job = await jobOf(key);
  if (!job) return { at: 'none' };
  const error = failureOf(job);
  if (error) return { at: 'failed', error };
  return hasEnded(job) ? { at: 'done', result: read(job) } : { at: 'running', job };
}

/** Of a request that changes an archive, which has no job: what the archive is now. */
export async function asArchive<T>(
  id: string,
  read: (archive: ArchiveNow) => T | undefined,
): Promise<Found<T>> {
  const result = read(await archiveNow(id));
  return result === undefined ? { at: 'none' } : { at: 'done', result };
}

type ArchiveNow = Awaited<ReturnType<typeof archiveNow>>;

async function archiveNow(id: string) {
  try {
    return body(await client.GET('/backup/archives/{id}', { params: { path: { id } } }));
  } catch (error) {
    if (isGone(error)) return 'gone';
    throw error;
  }
}
