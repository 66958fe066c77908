// The common requests of settings: schedules, destinations and notifications have an id and a name, and are created,
// changed and deleted the same way.
import type { ReadPage } from './pages';
import type { Resource } from './queries';

export interface NamedItem {
  id: number;
  name: string;
  /** Whether it is used. */
  enabled: boolean;
  updated_at: string;
}

/** The requests of one kind of setting. */
export interface ItemApi<Item extends NamedItem, Create extends { name: string }, Patch extends object> {
  /** The first part of the keys of its queries. */
  resource: Resource;
  /** The noun of one of them, such as `schedule`. */
  noun: string;
  list: ReadPage<Item>;
  read: (id: number) => Promise<Item>;
  /** The key is the `Idempotency-Key`. */
  create: (request: Create, key: string, signal: AbortSignal | null) => Promise<Item>;
  update: (id: number, patch: Patch, signal: AbortSignal | null) => Promise<Item>;
  remove: (id: number, signal: AbortSignal | null) => Promise<void>;
}
