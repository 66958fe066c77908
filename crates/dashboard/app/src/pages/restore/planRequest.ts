import type { RestorePlan } from '../../api/archives';
import type { components } from '../../api/schema';
import type { Table } from '../../api/tables';

type PlanRequest = components['schemas']['PlanRequest'];
export type Mode = PlanRequest['mode'];

/** The choices on the page. */
export interface RestoreChoice {
  what: 'all' | 'tables' | 'student';
  tables: Table[];
  /** The ID of the chosen student. */
  student: string;
  mode: Mode;
  /** Whether to disable administrators who are inactive or have another role in the archive. */
  disable: boolean;
}

export const DEFAULT_CHOICE: RestoreChoice = {
  what: 'all',
  tables: [],
  student: '',
  // The safest mode.
  mode: 'insert_missing',
  disable: false,
};

/** The confirmation word. The service receives the same word. */
export const CONFIRMATION = 'restore';

/** The request for a plan, or the message for a missing choice. */
export function planRequest(choice: RestoreChoice): PlanRequest | { missing: string } {
  const { mode } = choice;
  const common = { mode, disable_administrators: choice.disable };
  switch (choice.what) {
    case 'all':
      return { ...common, scope: 'all' };
    case 'tables':
      if (choice.tables.length === 0) return { missing: 'Choose at least one table.' };
      return { ...common, scope: { tables: choice.tables } };
    case 'student': {
      const id = Number(choice.student);
      if (!Number.isSafeInteger(id) || id < 1) return { missing: 'Choose the student.' };
      return { ...common, scope: { entity: { table: 'students', id } } };
    }
  }
}

/** The modes, the safest first. */
export const MODES: { mode: Mode; label: string; description: string }[] = [
  {
    mode: 'insert_missing',
    label: 'Insert missing rows only',
    description: 'Missing rows are restored. Rows that exist now are not changed. This is the safest mode.',
  },
  {
    mode: 'merge',
    label: 'Restore and keep new rows',
    description:
      'Rows of the backup are restored and overwrite current values. Rows that were added later remain.',
  },
  {
    mode: 'replace',
    label: 'Replace everything with the backup',
    description: 'Afterwards the data is exactly as in the backup. Rows that were added later are deleted.',
  },
];

/** The lists of administrators in a plan, with their titles. */
export const ADMINISTRATORS = [
  { list: 'administrators_added', title: 'New administrators' },
  { list: 'administrators_raised', title: 'Users who become administrators' },
  { list: 'administrators_changed', title: 'Administrators whose password changes' },
  { list: 'administrators_disabled', title: 'Administrators who are disabled' },
] as const;

/** Whether a plan changes accounts of administrators. That needs its own confirmation. */
export function changesAdministrators(plan: RestorePlan): boolean {
  return ADMINISTRATORS.some(({ list }) => plan[list].total > 0);
}

/** The total numbers of rows that a plan adds, changes and removes. */
export function planTotals(plan: RestorePlan): {
  inserts: number;
  updates: number;
  removed: number;
  isAny: boolean;
} {
  const sum = { inserts: 0, updates: 0, removed: 0 };
  for (const table of Object.values(plan.tables)) {
    sum.inserts += table.inserts;
    sum.updates += table.updates;
    sum.removed += table.deletes + table.cascades;
  }
  return { ...sum, isAny: sum.inserts + sum.updates + sum.removed > 0 };
}
