// The plans that this browser has made and that were neither applied nor discarded. The service stores a plan for a day
// but lists none, so without this list a closed tab would lose them. It has no values of the file.
import type { ImportPlan, ImportRequest } from '../api/imports';
import * as session from '../session/store';

export interface StagedImport {
  id: string;
  fileName: string | null;
  request: ImportRequest;
  /** The counts of its rows. */
  rows: ImportPlan['rows'];
  canApply: boolean;
  createdAt: string;
  expiresAt: string;
  /** Only this user sees it. */
  username: string;
}

const STAGED = 'campus-backup.staged-imports';

/** The number of plans to remember. */
const MAX_STAGED = 20;

let staged: readonly StagedImport[] = read();
const listeners = new Set<() => void>();

export function current(): readonly StagedImport[] {
  return staged;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function remember(plan: ImportPlan, request: ImportRequest): void {
  const added: StagedImport = {
    id: plan.id,
    fileName: plan.file.name ?? null,
    request,
    rows: plan.rows,
    canApply: plan.can_apply,
    createdAt: plan.created_at,
    expiresAt: plan.expires_at,
    username: plan.created_by,
  };
  change([added, ...staged.filter(({ id }) => id !== plan.id)].slice(0, MAX_STAGED));
}

export function forget(id: string): void {
  if (staged.some((each) => each.id === id)) change(staged.filter((each) => each.id !== id));
}

/** The plans of the signed-in user that have not expired, newest first. */
export function ofUser(list: readonly StagedImport[], now = Date.now()): StagedImport[] {
  const signedIn = session.current();
  const username = 'user' in signedIn ? signedIn.user.username : undefined;
  return list.filter((each) => each.username === username && Date.parse(each.expiresAt) > now);
}

function change(next: readonly StagedImport[]): void {
  staged = next;
  try {
    localStorage.setItem(STAGED, JSON.stringify(next));
  } catch {
    // If storage is disabled, a reload loses the list. The plans expire on the service.
  }
  for (const listener of listeners) listener();
}

function read(): StagedImport[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STAGED) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isStaged) : [];
  } catch {
    return [];
  }
}

function isStaged(value: unknown): value is StagedImport {
  const { id, request, rows, expiresAt, username } = (value ?? {}) as Partial<StagedImport>;
  const areTexts = [id, expiresAt, username].every((each) => typeof each === 'string');
  return areTexts && typeof request?.table === 'string' && typeof rows?.read === 'number';
}
