// The changes that this tab has requested. The list is kept outside the pages, so that the outcome is found and
// reported even if the page or dialog has been closed.
import type { LookupState } from './settle';

export type RequestState =
  | { at: 'sending' }
  /** There is no answer, and the page looks up the outcome. */
  | ({ at: 'looking up' } & LookupState)
  /** The text is for a user who has left the place of the request. */
  | { at: 'done'; words: string }
  | { at: 'failed'; error: unknown; since: number };

export interface PendingRequest {
  id: number;
  /** The name of the request, such as `Clear payments`. */
  name: string;
  state: RequestState;
  /** Whether the place of the request is visible and reports the outcome itself. */
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

/** Whether the outcome of any request is not known. */
export function isAnyPending(): boolean {
  return requests.some(({ state }) => state.at === 'sending' || state.at === 'looking up');
}

/** Whether the outcome of a request is still needed. */
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

/** The milliseconds that a user needs to read an error. */
const READING_TIME = 5_000;

/** The place of the request appeared or disappeared. An error that was visible long enough is not reported again. */
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
