import { isSessionEnd } from './problem';

/** Loads a query again at this interval, in milliseconds, until the session ends. */
export const pollEvery =
  (interval: number) =>
  ({ state }: { state: { error: Error | null } }): number | false =>
    isSessionEnd(state.error) ? false : interval;
