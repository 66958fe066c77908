import { isSessionEnd, ProblemError } from '../api/problem';
import { jobOf } from './lookUp';
import { dismiss } from './trackedJobs';

/** A job that has failed as the answer says is told where it was asked, and not once more among the jobs. */
export async function dismissOwnJob(key: string, error: unknown): Promise<void> {
  if (!(error instanceof ProblemError) || isSessionEnd(error)) return;
  const job = await jobOf(key).catch(() => undefined);
  if (job) dismiss(job.id);
}
