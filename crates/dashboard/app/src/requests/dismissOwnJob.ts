import { isSessionEnd, ProblemError } from '../api/problem';
import { jobOf } from './lookUp';
import { dismiss } from './trackedJobs';

/**
 * Dismisses the failed job of a request: its error is shown where the request was made, and not again in the
 * notifications.
 */
export async function dismissOwnJob(key: string, error: unknown): Promise<void> {
  if (!(error instanceof ProblemError) || isSessionEnd(error)) return;
  const job = await jobOf(key).catch(() => undefined);
  if (job) dismiss(job.id);
}
