// What this tab has asked the service to change, as long as it matters to somebody. It is kept here and not in a page: the
// outcome is looked up and told although the page or the dialog that asked is gone.
import type { LookupState } from './settle';

export type RequestState =
  | { at: 'sending' }
  /** There is no answer, and the outcome is being looked up. */
  | ({ at: 'looking up' } & LookupState)
  /** In words, for who is no longer where it was asked. */
  | { at: 'done'; words: string }
  | { at: 'failed'; error: unknown; since: number };

export interface PendingRequest {
  id: number;
  /** What was asked, such as `Clear payments`. */
  name: string;
  state: RequestState;
  /** Whether the place that asked is there and tells how it goes. */
  isShown: boolean;
}

let requests: readonly PendingRequest[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

export function current(): readonly PendingRequest[] {
  return requests;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether the outcome of something is not known. */
export function isAnyPending(): boolean {
  return requests.some(({ state }) => state.at === 'sending' || state.at === 'looking up');
}

/** Whether anybody may still be told of a request. */
export function isKnown(id: number): boolean {
  return requests.some((each) => each.id === id);
}

export function begin(name: string): number {
  const id = nextId++;
  change([...requests, { id, name, state: { at: 'sending' }, isShown: true }]);
  return id;
}

export function update(id: number, state: RequestState): void {
  change(requests.map((each) => (each.id === id ? { ...each, state } : each)));
}

/** How many milliseconds it takes to read why something failed. */
const READING_TIME = 5_000;

/** The place that asked has come or gone. What could be read there is not told again. */
export function show(id: number, isShown: boolean): void {
  const shown = requests.map((each) => (each.id === id ? { ...each, isShown } : each));
  change(isShown ? shown : shown.filter((each) => each.id !== id || !wasRead(each.state)));
}

function wasRead(state: RequestState): boolean {
  return state.at === 'failed' && Date.now() - state.since >= READING_TIME;
}

export function forget(id: number): void {
  change(requests.filter((each) => each.id !== id));
}

export function forgetAll(): void {
  change([]);
}

function change(next: readonly PendingRequest[]): void {
  requests = next;
  for (const listener of listeners) listener();
}
