import { body, client } from '../api/client';
import { invalidate } from '../api/queries';
import type { components } from '../api/schema';
import { isolated } from '../locale/language';
import { lookUpJob } from '../requests/lookUp';
import { trackJob } from '../requests/trackedJobs';
import { useRequest } from '../requests/useRequest';

export type VerificationLevel = components['schemas']['VerificationLevel'];

interface VerifyInput {
  level: VerificationLevel;
  /** The secret key of the backup, if the service does not have it. */
  identity?: string;
}

/** The name of the request to verify a backup. */
export function nameOfVerification(level: VerificationLevel, name: string): string {
  return `${level === 'digest' ? 'Verify' : 'Test restore of'} “${isolated(name)}”`;
}

/** Starts the verification of a backup. `name` is that of the backup. */
export function useVerify(id: string, name: string) {
  const request = useRequest({
    name: ({ level }: VerifyInput) => nameOfVerification(level, name),
    send: async (input, key, signal) => {
      const params = { path: { id }, header: { 'Idempotency-Key': key } };
      return body(await client.POST('/backup/archives/{id}/verify', { params, body: input, signal }));
    },
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job', about: name }),
    onSuccess: (job) => {
      trackJob(job.id, name);
      invalidate('jobs');
    },
  });
  return {
    ...request,
    /** Repeats the last verification with the secret key of the backup. */
    repeatWith: (identity: string) =>
      request.mutate({ level: request.variables?.level ?? 'digest', identity }),
  };
}

export type Verification = ReturnType<typeof useVerify>;
