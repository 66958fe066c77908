// Which requests of this tab have no outcome yet, kept so that a reload does not lose them: the page looks them up when it
// is back. There is nothing secret in it, and it ends with the tab.
import type { ExpectedArchive } from './lookUp';

/** How a request is looked up without the page that has sent it. */
export type LookupTrace =
  /** By the job that has its key. `about` names the archive that the job is about. */
  | { by: 'job'; about?: string | undefined }
  /** By what it makes of an archive; then `done` is what is said. */
  | { by: 'archive'; id: string; expected: ExpectedArchive | 'deleted'; done: string };

export interface StoredRequest {
  key: string;
  /** What was asked, such as `Clear payments`. */
  name: string;
  /** When, in milliseconds. */
  since: number;
  /** Who has asked. Nobody else is told. */
  username: string;
  trace: LookupTrace;
}

const PENDING = 'campus-backup.pending-requests';

export function storeRequest(request: StoredRequest): void {
  write([...storedRequests().filter(({ key }) => key !== request.key), request]);
}

/** The outcome is known, or was told to be unknown. */
export function removeRequest(key: string): void {
  const all = storedRequests();
  const left = all.filter((each) => each.key !== key);
  if (left.length < all.length) write(left);
}

export function removeAllRequests(): void {
  write([]);
}

export function storedRequests(): StoredRequest[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(PENDING) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isRequest) : [];
  } catch {
    return [];
  }
}

function isRequest(value: unknown): value is StoredRequest {
  const { key, name, since, username, trace } = (value ?? {}) as Partial<StoredRequest>;
  const isWhole =
    [key, name, username].every((each) => typeof each === 'string') && typeof since === 'number';
  return isWhole && (trace?.by === 'job' || trace?.by === 'archive');
}

function write(requests: StoredRequest[]): void {
  try {
    if (requests.length === 0) sessionStorage.removeItem(PENDING);
    else sessionStorage.setItem(PENDING, JSON.stringify(requests));
  } catch {
    // Storage can be turned off; then a reload forgets them, and the running jobs are shown all the same.
  }
}
