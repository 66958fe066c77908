// The requests that create, change and delete a setting, such as a schedule. Their outcome is looked up in the setting
// itself, because they have no job. After a reload the list shows it, so nothing is stored.
import type { ItemApi, NamedItem } from '../api/items';
import { findItem } from '../api/pages';
import { ProblemError } from '../api/problem';
import { invalidate } from '../api/queries';
import { isolated } from '../locale/language';
import type { LookupResult } from './settle';
import { useRequest } from './useRequest';

/** Values that the service never shows. */
const WRITE_ONLY = ['secret', 'secret_access_key'];

const quoted = (name: string) => `“${isolated(name)}”`;

export function useCreateItem<T extends NamedItem, C extends { name: string }, P extends object>(
  api: ItemApi<T, C, P>,
  onSuccess: (item: T) => void,
) {
  return useRequest({
    name: ({ name }: C) => `Create the ${api.noun} ${quoted(name)}`,
    send: (request, key, signal) => api.create(request, key, signal),
    lookUp: (request, key) => lookUpCreated(api, request, key),
    trace: () => undefined,
    done: ({ name }) => `The ${api.noun} ${quoted(name)} was created.`,
    onSuccess,
    onSettled: () => invalidate(api.resource, 'health'),
  });
}

export function useUpdateItem<T extends NamedItem, C extends { name: string }, P extends object>(
  api: ItemApi<T, C, P>,
  item: T,
  onSuccess: (item: T) => void,
) {
  return useRequest({
    name: () => `Change the ${api.noun} ${quoted(item.name)}`,
    send: (patch: P, _, signal) => api.update(item.id, patch, signal),
    lookUp: (patch) => lookUpUpdated(api, item, patch),
    trace: () => undefined,
    done: ({ name }) => `The ${api.noun} ${quoted(name)} was changed.`,
    onSuccess,
    // Also after a failure: it may have been deleted.
    onSettled: () => invalidate(api.resource, 'health'),
  });
}

export function useDeleteItem<T extends NamedItem, C extends { name: string }, P extends object>(
  api: ItemApi<T, C, P>,
  item: T,
  onSuccess: () => void,
) {
  return useRequest({
    name: () => `Delete the ${api.noun} ${quoted(item.name)}`,
    send: async (_: null, __, signal) => {
      await api.remove(item.id, signal);
      return true as const;
    },
    lookUp: () => lookUpDeleted(() => api.read(item.id)),
    trace: () => undefined,
    done: () => `The ${api.noun} ${quoted(item.name)} was deleted.`,
    onSuccess: () => onSuccess(),
    onSettled: () => invalidate(api.resource, 'health'),
  });
}

/**
 * If there is a setting of that name, the request is sent again with its key: the service answers as it did the first
 * time, or refuses the name if another request has created the setting. Without one the request has not arrived, and it
 * must not be executed long after it was made.
 */
export async function lookUpCreated<T extends NamedItem, C extends { name: string }, P extends object>(
  api: ItemApi<T, C, P>,
  request: C,
  key: string,
): Promise<LookupResult<T>> {
  const found = await findItem(api.list, ({ name }) => name === request.name);
  if (!found) return { at: 'none' };
  try {
    return { at: 'done', result: await api.create(request, key, null) };
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 409) return { at: 'failed', error };
    throw error;
  }
}

/**
 * Compares the setting with the new values. A value that is never shown can't be compared: then the setting must have
 * been changed since, too.
 */
export async function lookUpUpdated<T extends NamedItem, C extends { name: string }, P extends object>(
  api: ItemApi<T, C, P>,
  before: T,
  patch: P,
): Promise<LookupResult<T>> {
  const now = await orNotFound(() => api.read(before.id));
  if (now instanceof ProblemError) return { at: 'failed', error: now };
  const fields = Object.entries(patch);
  const isEqual = fields
    .filter(([field]) => !WRITE_ONLY.includes(field))
    .every(([field, value]) => JSON.stringify(now[field as keyof T]) === JSON.stringify(value));
  const isSecret = fields.some(([field]) => WRITE_ONLY.includes(field));
  const isDone = isEqual && (!isSecret || now.updated_at !== before.updated_at);
  return isDone ? { at: 'done', result: now } : { at: 'none' };
}

/** A setting that does not exist any more was deleted. */
export async function lookUpDeleted(read: () => Promise<unknown>): Promise<LookupResult<true>> {
  return (await orNotFound(read)) instanceof ProblemError ? { at: 'done', result: true } : { at: 'none' };
}

/** The result of a read, or the problem that the setting does not exist. */
export async function orNotFound<T>(read: () => Promise<T>): Promise<T | ProblemError> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404) return error;
    throw error;
  }
}
