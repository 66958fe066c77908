import { ProblemError } from '../../api/problem';

/** The refusals that `force` overrules. */
const NEEDED: readonly string[] = ['archive_needed_for_undo', 'archive_is_newest'];

/** Whether the service refused to delete a backup because it is needed. */
export function isRefusedAsNeeded(error: unknown): boolean {
  return error instanceof ProblemError && NEEDED.includes(error.problem.code);
}
