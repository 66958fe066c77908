// The requests of this tab that have no outcome yet. They survive a reload, and the page then looks them up. The
// storage contains no secret, and it ends with the tab.
import type { ExpectedArchive } from './lookUp';

/** How the outcome of a request is looked up after a reload. */
export type LookupTrace =
  /** By the job with its key. `about` names the archive of the job. */
  | { by: 'job'; about?: string | undefined }
  /** By the expected state of an archive. `done` is the text for a success. */
  | { by: 'archive'; id: string; expected: ExpectedArchive | 'deleted'; done: string };

export interface StoredRequest {
  key: string;
  /** The name of the request, such as `Clear payments`. */
  name: string;
  /** The time of the request, in milliseconds. */
  since: number;
  /** The user who sent the request. Only this user sees the outcome. */
  username: string;
  trace: LookupTrace;
}

const PENDING = 'campus-backup.pending-requests';

export function storeRequest(request: StoredRequest): void {
  write([...storedRequests().filter(({ key }) => key !== request.key), request]);
}

/** Removes a request whose outcome is known, or was reported as unknown. */
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
    // If storage is disabled, a reload loses the requests. The running jobs are shown anyway.
  }
}
