import type { HistoryBackup, HistoryRun } from '../../api/history';
import { nameOf } from '../../api/tables';
import { bytes, counted, dateTime, dateTimeZone, rows } from '../../locale/format';
import { isolated } from '../../locale/language';
import type { Moment } from './series';

/** The lines of a tooltip: the time, then the value or the reason. */
export function describeMoment(
  moment: Moment | undefined,
  value: (backup: HistoryBackup) => string,
): string[] {
  if (!moment) return [];
  if (moment.kind === 'backup') return [dateTimeZone(moment.backup.created_at), value(moment.backup)];
  return [dateTimeZone(moment.run.at), runText(moment.run)];
}

/** What became of a run. */
export function runText({ label, state, error }: HistoryRun): string {
  const name = `“${isolated(label)}”`;
  return state === 'failed'
    ? `${name} failed. ${error?.detail ?? ''}`.trim()
    : `${name} was missed: the service was stopped, or the schedule was disabled.`;
}

/** The first and the last value of a chart, for people who do not see it. */
export function summaryOf(
  title: string,
  backups: readonly HistoryBackup[],
  value: (backup: HistoryBackup) => string,
): string {
  const [first, last] = [backups[0], backups[backups.length - 1]];
  if (!first || !last) return `${title}: no backup.`;
  const count = counted(backups.length, 'backup', 'backups');
  return `${title}: ${count}, from ${value(first)} on ${dateTime(first.created_at)} to ${value(last)} on ${dateTime(last.created_at)}.`;
}

export const rowsIn = (table: string) => (backup: HistoryBackup) =>
  `${nameOf(table)}: ${rows(backup.rows[table] ?? 0)}`;

export const sizeOf = ({ size, total }: HistoryBackup): string => `${bytes(size)}, ${rows(total)}`;
