// The points of a chart: the backups with a value, and the scheduled runs without a backup between them.
import type { BackupHistory, HistoryBackup, HistoryRun } from '../../api/history';

/** What a place on the time axis stands for. */
export type Moment = { at: number } & (
  | { kind: 'backup'; backup: HistoryBackup }
  | { kind: 'run'; run: HistoryRun }
);

/** The backups and the runs of a history by time, in seconds. */
export function momentsOf({ backups, runs }: Pick<BackupHistory, 'backups' | 'runs'>): Moment[] {
  const moments: Moment[] = [
    ...backups.map((backup) => ({ at: seconds(backup.created_at), kind: 'backup', backup }) as const),
    ...runs.map((run) => ({ at: seconds(run.at), kind: 'run', run }) as const),
  ];
  return moments.sort((one, other) => one.at - other.at);
}

/** The columns of a chart: times, the values of backups, failed runs, missed runs. */
export type ChartData = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** The height of the marks of runs, as a share of the chart. */
export const MARK_HEIGHT = 0.05;

export function chartData(moments: readonly Moment[], value: (backup: HistoryBackup) => number): ChartData {
  const mark = (moment: Moment, isFailed: boolean) =>
    moment.kind === 'run' && (moment.run.state === 'failed') === isFailed ? MARK_HEIGHT : null;
  return [
    moments.map(({ at }) => at),
    moments.map((moment) => (moment.kind === 'backup' ? value(moment.backup) : null)),
    moments.map((moment) => mark(moment, true)),
    moments.map((moment) => mark(moment, false)),
  ];
}

/** The tables that a backup of the history has, in the order of the service. */
export function tablesOf(backups: readonly HistoryBackup[], order: readonly string[]): string[] {
  const names = new Set(backups.flatMap(({ rows }) => Object.keys(rows)));
  const known = order.filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !order.includes(name)).sort()];
}

/** The range of a value axis. It begins at zero, so that a fall looks as large as it is. */
export function valueRange(most: number | null): [number, number] {
  return [0, most === null || most <= 0 ? 1 : most * 1.1];
}

/** The range of the time axis, in seconds. It is at least a day, because the labels have no seconds. */
export function timeRange(first: number | null, last: number | null): [number, number] {
  if (first === null || last === null) return [0, DAY];
  const missing = Math.max(0, DAY - (last - first)) / 2;
  return [first - missing, last + missing];
}

const DAY = 86_400;

const seconds = (time: string): number => Date.parse(time) / 1_000;
