// The plan of a retention policy as a calendar.
import { timeFromId } from '../../api/archives';
import type { RetentionPlan } from '../../api/retention';
import { DELETE_REASONS, KEEP_REASONS } from './reasons';

/** A backup, and the decision of the plan about it. */
export interface PlannedBackup {
  id: string;
  /** When it was stored, if its id says so. */
  at: Date | undefined;
  isDeleted: boolean;
  /** Why, in words. */
  reasons: string[];
  /** The size of a deleted backup. */
  bytes: number | undefined;
}

export interface CalendarDay {
  day: number;
  backups: PlannedBackup[];
}

export interface CalendarMonth {
  year: number;
  /** 1 is January. */
  month: number;
  /** Weeks from Monday. A place that belongs to another month is empty. */
  weeks: (CalendarDay | undefined)[][];
}

/** The backups of a plan, newest first. */
export function plannedBackups(plan: Pick<RetentionPlan, 'keep' | 'delete'>): PlannedBackup[] {
  const kept = plan.keep.map(({ id, reasons }) => ({
    id,
    at: storedAt(id),
    isDeleted: false,
    reasons: reasons.map((reason) => KEEP_REASONS[reason]),
    bytes: undefined,
  }));
  const deleted = plan.delete.map(({ id, reason, bytes }) => ({
    id,
    at: storedAt(id),
    isDeleted: true,
    reasons: [DELETE_REASONS[reason]],
    bytes,
  }));
  return [...kept, ...deleted].sort((one, other) => (other.at?.getTime() ?? 0) - (one.at?.getTime() ?? 0));
}

function storedAt(id: string): Date | undefined {
  const time = timeFromId(id);
  return time === undefined ? undefined : new Date(time);
}

/** The months that have backups, newest first. Days are those of the browser's time zone. */
export function monthsOf(backups: readonly PlannedBackup[]): CalendarMonth[] {
  const months = new Map<string, { year: number; month: number; days: Map<number, PlannedBackup[]> }>();
  for (const backup of backups) {
    if (!backup.at) continue;
    const [year, month, day] = [backup.at.getFullYear(), backup.at.getMonth() + 1, backup.at.getDate()];
    const key = `${year}-${month}`;
    const found = months.get(key) ?? { year, month, days: new Map() };
    months.set(key, found);
    found.days.set(day, [...(found.days.get(day) ?? []), backup]);
  }
  return [...months.values()]
    .sort((one, other) => other.year - one.year || other.month - one.month)
    .map(({ year, month, days }) => ({ year, month, weeks: weeksOf(year, month, days) }));
}

function weeksOf(
  year: number,
  month: number,
  days: Map<number, PlannedBackup[]>,
): (CalendarDay | undefined)[][] {
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  // The place of the first day: 0 is Monday.
  const offset = (new Date(Date.UTC(year, month - 1, 1)).getUTCDay() + 6) % 7;
  const places = Math.ceil((offset + length) / 7) * 7;
  const cells = Array.from({ length: places }, (_, place) => {
    const day = place - offset + 1;
    return day < 1 || day > length ? undefined : { day, backups: days.get(day) ?? [] };
  });
  return Array.from({ length: places / 7 }, (_, week) => cells.slice(week * 7, week * 7 + 7));
}

/** How many backups stay, and how many are deleted. */
export function countsOf(backups: readonly PlannedBackup[]): { kept: number; deleted: number } {
  const deleted = backups.filter(({ isDeleted }) => isDeleted).length;
  return { kept: backups.length - deleted, deleted };
}
