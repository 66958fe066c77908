// Which jobs this tab has begun, and of which it has been told how they ended.

const DISMISSED = 'campus-backup.dismissed-jobs';

/** How many dismissed jobs are remembered. There are never so many that have failed lately. */
const MOST = 200;

export interface JobNews {
  /** The jobs that were begun here, and what they are about if that has a name. */
  begun: ReadonlyMap<string, string | undefined>;
  dismissed: ReadonlySet<string>;
}

let news: JobNews = { begun: new Map(), dismissed: new Set(read()) };
const listeners = new Set<() => void>();

export function current(): JobNews {
  return news;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follows a job to its end, whatever page is shown. `about` names the archive that it is about. */
export function follow(id: string, about?: string): void {
  change({ ...news, begun: new Map(news.begun).set(id, about) });
}

/** How a job has ended has been told. */
export function dismiss(...ids: string[]): void {
  if (ids.every((id) => news.dismissed.has(id))) return;
  const dismissed = [...news.dismissed, ...ids].slice(-MOST);
  change({ ...news, dismissed: new Set(dismissed) });
  try {
    localStorage.setItem(DISMISSED, JSON.stringify(dismissed));
  } catch {
    // Storage can be turned off; then it is told again after a reload.
  }
}

/** Whoever signs in next has begun none of them. */
export function forgetBegun(): void {
  change({ ...news, begun: new Map() });
}

function change(next: JobNews): void {
  news = next;
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
