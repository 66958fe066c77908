// The requests about the retention policy. The policy itself says whether it was changed.

import { invalidate } from '../../api/queries';
import {
  applyRetention,
  deleteRetention,
  type Retention,
  type RetentionPolicy,
  readRetention,
  setRetention,
} from '../../api/retention';
import { lookUpJob } from '../../requests/lookUp';
import type { LookupResult } from '../../requests/settle';
import { trackJob } from '../../requests/trackedJobs';
import { useRequest } from '../../requests/useRequest';
import { isSamePolicy } from './policyForm';

export const SAVE = 'Save the retention policy';
export const TURN_OFF = 'Turn retention off';
export const APPLY = 'Delete old backups';

const refresh = () => invalidate('retention', 'health');

export function useSavePolicy(onSuccess: () => void) {
  return useRequest({
    name: () => SAVE,
    send: (policy: RetentionPolicy, _, signal) => setRetention(policy, signal),
    lookUp: async (wanted): Promise<LookupResult<Retention>> => {
      const now = await readRetention();
      const isSaved = now.policy !== null && isSamePolicy(now.policy, wanted);
      return isSaved ? { at: 'done', result: now } : { at: 'none' };
    },
    trace: () => undefined,
    done: () => 'The policy was saved.',
    onSuccess: () => onSuccess(),
    onSettled: refresh,
  });
}

export function useTurnOff(onSuccess: () => void) {
  return useRequest({
    name: () => TURN_OFF,
    send: async (_: null, __, signal) => {
      await deleteRetention(signal);
      return true as const;
    },
    lookUp: async () =>
      (await readRetention()).policy === null ? { at: 'done', result: true } : { at: 'none' },
    trace: () => undefined,
    done: () => 'Retention is off. No backup is deleted by it.',
    onSuccess: () => onSuccess(),
    onSettled: refresh,
  });
}

/** Starts the deletion of a plan, by its hash. */
export function useApplyPlan(onSuccess: (job: string) => void) {
  return useRequest({
    name: () => APPLY,
    send: (planHash: string, key, signal) => applyRetention(planHash, key, signal),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: ({ id }) => {
      trackJob(id);
      onSuccess(id);
    },
    onSettled: () => invalidate('jobs', 'retention'),
  });
}
