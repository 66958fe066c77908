// The jobs that this tab has started, and the jobs whose outcome was dismissed.

const DISMISSED = 'campus-backup.dismissed-jobs';

/** The number of dismissed jobs to remember. There are never so many recent failures. */
const MAX_DISMISSED = 200;

export interface TrackedJobs {
  /** The jobs that were started here, with the name of their archive if there is one. */
  started: ReadonlyMap<string, string | undefined>;
  dismissed: ReadonlySet<string>;
}

let tracked: TrackedJobs = { started: new Map(), dismissed: new Set(read()) };
const listeners = new Set<() => void>();

export function current(): TrackedJobs {
  return tracked;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows a job to its end, on every page. `about` is the name of its archive. */
export function trackJob(id: string, about?: string): void {
  change({ ...tracked, started: new Map(tracked.started).set(id, about) });
}

/** Hides the notifications of these jobs. */
export function dismiss(...ids: string[]): void {
  if (ids.every((id) => tracked.dismissed.has(id))) return;
  const dismissed = [...tracked.dismissed, ...ids].slice(-MAX_DISMISSED);
  change({ ...tracked, dismissed: new Set(dismissed) });
  try {
    localStorage.setItem(DISMISSED, JSON.stringify(dismissed));
  } catch {
    // If storage is disabled, the notifications appear again after a reload.
  }
}

/** The next user has not started these jobs. */
export function forgetStarted(): void {
  change({ ...tracked, started: new Map() });
}

function change(next: TrackedJobs): void {
  tracked = next;
  for (const listener of listeners) listener();
}

function read(): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(DISMISSED) ?? '[]');
    return Array.isArray(stored) ? stored.filter((id) => typeof id === 'string') : [];
  } catch {
    return [];
  }
}
