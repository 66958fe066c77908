import { queryOptions } from '@tanstack/react-query';
import { body, client } from './client';
import type { Job } from './jobs';
import { pollEvery } from './polling';
import type { components } from './schema';

export type Retention = components['schemas']['Retention'];
export type RetentionPolicy = components['schemas']['RetentionPolicy'];
export type RetentionPlan = components['schemas']['RetentionPlan'];

/** The policy, and its last application. */
export const retention = queryOptions({
  queryKey: ['retention', 'policy'],
  queryFn: ({ signal }) => readRetention(signal),
  refetchInterval: pollEvery(30_000),
});

export async function readRetention(signal: AbortSignal | null = null): Promise<Retention> {
  return body(await client.GET('/backup/retention', { signal }));
}

/** The plan of a policy: the backups that it would keep and delete. Without a policy, the plan of the current one. */
export async function previewRetention(policy: RetentionPolicy | null): Promise<RetentionPlan> {
  return body(await client.POST('/backup/retention/preview', { body: { policy } }));
}

export async function setRetention(policy: RetentionPolicy, signal: AbortSignal): Promise<Retention> {
  return body(await client.PUT('/backup/retention', { body: policy, signal }));
}

export async function deleteRetention(signal: AbortSignal): Promise<void> {
  await client.DELETE('/backup/retention', { signal });
}

/** Starts the job that deletes what the plan with this hash deletes. The key is the `Idempotency-Key`. */
export async function applyRetention(plan_hash: string, key: string, signal: AbortSignal): Promise<Job> {
  const params = { header: { 'Idempotency-Key': key } };
  return body(await client.POST('/backup/retention/apply', { params, body: { plan_hash }, signal }));
}
