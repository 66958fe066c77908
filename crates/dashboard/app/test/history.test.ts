import { expect, test } from 'vitest';
import type { HistoryBackup, HistoryRun } from '../src/api/history';
import { timeLabels } from '../src/pages/history/labels';
import { describeMoment, rowsIn, runText, summaryOf } from '../src/pages/history/messages';
import {
  chartData,
  MARK_HEIGHT,
  momentsOf,
  tablesOf,
  timeRange,
  valueRange,
} from '../src/pages/history/series';

const backup = (day: number, students: number): HistoryBackup => ({
  id: `backup ${day}`,
  created_at: `2026-11-0${day}T01:00:00Z`,
  size: students * 10,
  total: students + 1,
  rows: { students, zoo: 1 },
});
const run = (day: number, state: 'failed' | 'missed'): HistoryRun => ({
  at: `2026-11-0${day}T01:00:00Z`,
  schedule_id: 1,
  label: 'nightly',
  state,
  error: state === 'failed' ? { code: 'internal', detail: 'The disk is full.' } : null,
});

const BACKUPS = [backup(1, 100), backup(4, 90)];
const MOMENTS = momentsOf({ backups: BACKUPS, runs: [run(2, 'failed'), run(3, 'missed')] });

test('backups and runs share one time axis', () => {
  const [times, values, failed, missed] = chartData(MOMENTS, ({ rows }) => rows.students ?? 0);
  const day = 86_400;
  expect(times.map((time) => (time - (times[0] ?? 0)) / day)).toEqual([0, 1, 2, 3]);
  expect(values).toEqual([100, null, null, 90]);
  expect(failed).toEqual([null, MARK_HEIGHT, null, null]);
  expect(missed).toEqual([null, null, MARK_HEIGHT, null]);
});

test('tables are in the order of the page, and unknown ones follow', () => {
  expect(tablesOf(BACKUPS, ['courses', 'students'])).toEqual(['students', 'zoo']);
  expect(tablesOf([], ['students'])).toEqual([]);
});

test('an axis begins at zero', () => {
  expect(valueRange(100)).toEqual([0, expect.closeTo(110)]);
  expect(valueRange(0)).toEqual([0, 1]);
  expect(valueRange(null)).toEqual([0, 1]);
});

test('the time axis has at least a day', () => {
  expect(timeRange(0, 86_400 * 30)).toEqual([0, 86_400 * 30]);
  expect(timeRange(86_400, 86_400)).toEqual([43_200, 129_600]);
  expect(timeRange(null, null)).toEqual([0, 86_400]);
});

test('a tooltip has the time and the value, or the reason', () => {
  expect(describeMoment(MOMENTS[0], rowsIn('students'))[1]).toBe('Students: 100 rows');
  expect(describeMoment(MOMENTS[1], rowsIn('students'))[1]).toContain('failed. The disk is full.');
  expect(runText(run(3, 'missed'))).toContain('was missed');
  expect(describeMoment(undefined, rowsIn('students'))).toEqual([]);
});

test('a summary has the first and the last value', () => {
  expect(summaryOf('Students', BACKUPS, rowsIn('students'))).toMatch(
    /^Students: 2 backups, from Students: 100 rows on .* to Students: 90 rows on .*\.$/,
  );
  expect(summaryOf('Students', [], rowsIn('students'))).toBe('Students: no backup.');
});

test('labels of the time axis name the day once', () => {
  const start = Date.parse('2026-11-01T00:00:00Z') / 1_000;
  const hours = timeLabels([start, start + 43_200, start + 86_400], 43_200);
  expect(hours[0]).toBe('1 Nov');
  expect(hours[1]).toMatch(/12:00/);
  expect(hours[2]).toBe('2 Nov');
  expect(timeLabels([start, start + 86_400], 86_400)).toEqual(['1 Nov', '2 Nov']);
  expect(timeLabels([start], 31 * 86_400)).toEqual(['Nov 2026']);
});
