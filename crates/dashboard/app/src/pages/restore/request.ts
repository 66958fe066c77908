import type { Archive, RestorePlan } from '../../api/archives';
import type { components } from '../../api/schema';
import type { Table } from '../../api/tables';
import { dateTime, rows } from '../../locale/format';

type PlanRequest = components['schemas']['PlanRequest'];
export type Mode = PlanRequest['mode'];

/** What is to come back. */
export interface Wanted {
  what: 'all' | 'tables' | 'student';
  tables: Table[];
  student: string;
  mode: Mode;
}

export const EVERYTHING: Wanted = { what: 'all', tables: [], student: '', mode: 'replace' };

/** What has to be typed, and what the service is sent to confirm. */
export const WORD = 'restore';

/** The same as the service wants it, or what is missing. */
export function request(wanted: Wanted): PlanRequest | { missing: string } {
  const { mode } = wanted;
  switch (wanted.what) {
    case 'all':
      return { mode, scope: 'all' };
    case 'tables':
      if (wanted.tables.length === 0) return { missing: 'Choose at least one table.' };
      return { mode, scope: { tables: wanted.tables } };
    case 'student': {
      const id = Number(wanted.student);
      if (!Number.isSafeInteger(id) || id < 1) return { missing: 'Enter the student’s ID, a whole number.' };
      return { mode, scope: { entity: { table: 'students', id } } };
    }
  }
}

export const MODES: { mode: Mode; label: string; words: string }[] = [
  {
    mode: 'replace',
    label: 'Make it as it was',
    words: 'Afterwards there is exactly what the archive has. What was added since goes.',
  },
  {
    mode: 'merge',
    label: 'Bring back, keep what is new',
    words: 'Rows of the archive come back and win. Rows that it does not have stay.',
  },
  {
    mode: 'missing_only',
    label: 'Only what is missing',
    words: 'Rows that are gone come back. Nothing that is there is touched.',
  },
];

/** An archive in a line. */
export function inALine(archive: Archive): string {
  const kind = archive.kind === 'safety' ? ', safety archive' : '';
  const label = archive.label ? `${archive.label}, ` : '';
  return `${label}${dateTime(archive.created_at)}, ${rows(archive.total)}${kind}`;
}

/** How many rows a plan adds, changes and removes in all. */
export function changes(plan: RestorePlan): {
  inserts: number;
  updates: number;
  removed: number;
  any: boolean;
} {
  const sum = { inserts: 0, updates: 0, removed: 0 };
  for (const table of Object.values(plan.tables)) {
    sum.inserts += table.inserts;
    sum.updates += table.updates;
    sum.removed += table.deletes + table.cascades;
  }
  return { ...sum, any: sum.inserts + sum.updates + sum.removed > 0 };
}
