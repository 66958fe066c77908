import { ProblemError } from '../../api/problem';

/** A preview names the fields of its policy as `policy.daily`. The form shows them as `daily`. */
export function inPolicy(error: unknown): unknown {
  if (!(error instanceof ProblemError)) return error;
  const errors = error.problem.errors?.map(({ field, detail }) => ({
    field: field.replace(/^policy\./, ''),
    detail,
  }));
  return new ProblemError({ ...error.problem, ...(errors && { errors }) }, error.retryAfter);
}
