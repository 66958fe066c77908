// The secret key of a backup. The service has none that opens a backup that is encrypted to public keys alone.
import { ProblemError } from './problem';

const CODES = ['archive_key_required', 'archive_wrong_key'];

/** Whether a request failed because the service has no key that opens the backup. */
export function needsIdentity(error: unknown): boolean {
  return error instanceof ProblemError && CODES.includes(error.problem.code);
}

/** The header for a request without a JSON body. Several keys are lines of the text, and a header has one line. */
export function identityHeader(identity: string | undefined | null): { 'X-Archive-Identity'?: string } {
  return identity ? { 'X-Archive-Identity': identity.split(/\s+/).join(',') } : {};
}

/** Returns the secret key that was entered, if there is one. Queries call it, because it is not a part of their keys. */
export type ReadIdentity = () => string | undefined;
