import { isSessionEnd, Refusal } from '../api/problem';
import { dismiss } from './jobNews';
import { jobOf } from './lookUp';

/** A job that has failed as the answer says is told where it was asked, and not once more among the jobs. */
export async function leaveToPlace(key: string, error: unknown): Promise<void> {
  if (!(error instanceof Refusal) || isSessionEnd(error)) return;
  const job = await jobOf(key).catch(() => undefined);
  if (job) dismiss(job.id);
}
