import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { invalidate } from '../api/queries';
import { dismissOwnJob } from './dismissOwnJob';
import { newIdempotencyKey } from './idempotencyKey';
import { removePending, storePending } from './pending';
import type { LookupTrace } from './pendingStorage';
import { type LookupResult, type LookupState, NotReceived, OutcomeUnknown, settle } from './settle';
import { begin, current, forget, isKnown, show, subscribe, update } from './store';

interface RequestDefinition<V, T> {
  /** The name of the request, such as `Clear payments`. */
  name: (what: V) => string;
  /** Sends the request. If it has a job, the key is its `Idempotency-Key`. */
  send: (what: V, key: string, signal: AbortSignal) => Promise<T>;
  /** Looks up the outcome if there is no answer. */
  lookUp: (what: V, key: string) => Promise<LookupResult<T>>;
  /** How the outcome is looked up after a reload. Without it, a reload forgets the request. */
  trace: (what: V) => LookupTrace | undefined;
  /** The text for a success. The page shows it if the place of the request no longer exists or does not report it. */
  done?: (result: T, what: V) => string | undefined;
  /** Whether the place of the request reports a success itself. */
  reports?: 'success' | 'failure only';
  onSuccess?: (result: T, what: V) => void;
  onError?: () => void;
  onSettled?: () => void;
}

/**
 * A request that changes something. It is pending until its outcome is known. `lookup` is the state of the lookup while
 * the answer is missing.
 */
export function useRequest<V, T>(definition: RequestDefinition<V, T>) {
  const { name, send, lookUp, trace, done, reports = 'success', onSuccess, onError, onSettled } = definition;
  const [id, setId] = useState<number>();
  const last = useRef<{ what: string; key: string }>(undefined);
  const mutation = useMutation({
    mutationFn: async (what: V) => {
      const text = JSON.stringify(what ?? null);
      // A repeated request keeps its key: if the first one arrived after all, it is executed once.
      const key = last.current?.what === text ? last.current.key : newIdempotencyKey();
      last.current = { what: text, key };
      const id = begin(name(what));
      setId(id);
      const lookupTrace = trace(what);
      if (lookupTrace) storePending(key, name(what), lookupTrace);
      // A longer request has a job. This shows its progress.
      const jobsTimer = setTimeout(() => invalidate('jobs'), 1_000);
      try {
        const result = await settle({
          send: (signal) => send(what, key, signal),
          lookUp: () => lookUp(what, key),
          report: (lookup) => update(id, { at: 'looking up', ...lookup }),
          isWanted: () => isKnown(id),
        });
        last.current = undefined;
        const words = done?.(result, what);
        const isReported = reports === 'success' && current().find((each) => each.id === id)?.isShown;
        if (words === undefined || isReported) forget(id);
        else update(id, { at: 'done', words });
        return result;
      } catch (error) {
        if (!(error instanceof NotReceived || error instanceof OutcomeUnknown)) {
          last.current = undefined;
          dismissOwnJob(key, error);
        }
        update(id, { at: 'failed', error, since: Date.now() });
        throw error;
      } finally {
        clearTimeout(jobsTimer);
        removePending(key);
      }
    },
    ...(onSuccess && { onSuccess }),
    ...(onError && { onError }),
    ...(onSettled && { onSettled }),
  });
  useEffect(() => {
    if (id === undefined) return;
    show(id, true);
    return () => show(id, false);
  }, [id]);
  const requests = useSyncExternalStore(subscribe, current);
  const state = requests.find((each) => each.id === id)?.state;
  const lookup: LookupState | undefined = state?.at === 'looking up' ? state : undefined;
  return { ...mutation, lookup };
}
