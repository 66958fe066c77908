import { body, client } from '../api/client';
import { invalidate } from '../api/queries';
import type { components } from '../api/schema';
import { lookUpJob } from '../requests/lookUp';
import { trackJob } from '../requests/trackedJobs';
import { useRequest } from '../requests/useRequest';

export const CREATE_BACKUP = 'Create a backup';

/** Starts a backup. Every page shows its progress and its outcome. */
export function useCreateBackup(onStarted?: () => void) {
  return useRequest({
    name: () => CREATE_BACKUP,
    send: async (request: components['schemas']['CreateArchiveRequest'], key, signal) =>
      body(
        await client.POST('/backup/archives', {
          params: { header: { 'Idempotency-Key': key } },
          body: request,
          signal,
        }),
      ),
    lookUp: (_, key) => lookUpJob(key),
    trace: () => ({ by: 'job' }),
    onSuccess: ({ id }) => {
      trackJob(id);
      onStarted?.();
    },
    onSettled: () => {
      invalidate('jobs', 'archives');
    },
  });
}
