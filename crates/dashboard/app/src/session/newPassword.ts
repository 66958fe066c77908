import { ProblemError } from '../api/problem';

const SHORTEST = 12;

/** Why a new password can't be sent. The service also checks how easily it can be guessed. */
export function newPasswordProblem(password: string, again: string): string | undefined {
  if ([...password].length < SHORTEST) return `The password must have at least ${SHORTEST} characters.`;
  if (password !== again) return 'The two passwords are different.';
  return undefined;
}

/** Why the service has refused a new password; undefined if another error has occurred. */
export function refusalOfNewPassword(error: unknown): string | undefined {
  if (!(error instanceof ProblemError)) return undefined;
  const refusal = error.problem.errors?.find(({ field }) => field === 'new_password');
  return refusal && `The password ${refusal.detail.replace(/\.?$/, '.')}`;
}
