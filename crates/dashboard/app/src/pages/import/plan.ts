import type { ImportPlan } from '../../api/imports';
import { counted, listOf, number } from '../../locale/format';

/** The counts that a plan and a report have in common. */
type ChangedCounts = Record<'inserted' | 'updated' | 'removed', number>;

/** The numbers of rows that a plan or a report adds, changes and removes, in all tables. */
export function planTotals({ tables }: { tables: Record<string, ChangedCounts> }) {
  const sum = { inserted: 0, updated: 0, removed: 0 };
  for (const { inserted, updated, removed } of Object.values(tables)) {
    sum.inserted += inserted;
    sum.updated += updated;
    sum.removed += removed;
  }
  return { ...sum, total: sum.inserted + sum.updated + sum.removed };
}

interface Count {
  label: string;
  count: number;
  /** Whether people should look at it. */
  isFault?: boolean;
}

/** The counts of a plan. Those that are usually zero are left out if they are. */
export function countList(rows: ImportPlan['rows']): Count[] {
  const rare: Count[] = [
    { label: 'Left out', count: rows.skipped },
    { label: 'Deleted', count: rows.removed, isFault: true },
    { label: 'In conflict', count: rows.conflicting, isFault: true },
  ];
  return [
    { label: 'New', count: rows.new },
    { label: 'Changed', count: rows.changed },
    { label: 'Unchanged', count: rows.unchanged },
    ...rare.filter(({ count }) => count > 0),
    { label: 'Wrong', count: rows.wrong, isFault: true },
  ];
}

/** The counts of a plan as a sentence, such as `2 new, 1 changed, 399 unchanged`. */
export function countsText(rows: ImportPlan['rows']): string {
  const parts = countList(rows)
    .filter(({ count }) => count > 0)
    .map(({ label, count }) => `${number(count)} ${label.toLowerCase()}`);
  return parts.length > 0 ? parts.join(', ') : 'No rows';
}

/** The rows that can't be imported, such as `3 rows`. */
export function faultyRows({ wrong, conflicting }: ImportPlan['rows']): string {
  return counted(wrong + conflicting, 'row', 'rows');
}

/** What a plan will do, such as `2 rows will be added and 1 row will be changed`. */
export function effectText({ inserted, updated, removed }: ChangedCounts): string {
  const parts = [
    [inserted, 'added'],
    [updated, 'changed'],
    [removed, 'deleted'],
  ] as const;
  return listOf(
    parts
      .filter(([count]) => count > 0)
      .map(([count, verb]) => `${counted(count, 'row', 'rows')} will be ${verb}`),
  );
}
