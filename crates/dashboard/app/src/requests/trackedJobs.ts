// Which jobs this tab has started, and of which it has been told how they ended.

const DISMISSED = 'campus-backup.dismissed-jobs';

/** How many dismissed jobs are remembered. There are never so many that have failed lately. */
const MAX_DISMISSED = 200;

export interface TrackedJobs {
  /** The jobs that were started here, and what they are about if that has a name. */
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

/** Follows a job to its end, whatever page is shown. `about` names the archive that it is about. */
export function trackJob(id: string, about?: string): void {
  change({ ...tracked, started: new Map(tracked.started).set(id, about) });
}

/** How a job has ended has been told. */
export function dismiss(...ids: string[]): void {
  if (ids.every((id) => tracked.dismissed.has(id))) return;
  const dismissed = [...tracked.dismissed, ...ids].slice(-MAX_DISMISSED);
  change({ ...tracked, dismissed: new Set(dismissed) });
  try {
    localStorage.setItem(DISMISSED, JSON.stringify(dismissed));
  } catch {
    // Storage can be turned off; then it is told again after a reload.
  }
}

/** Whoever signs in next has started none of them. */
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
