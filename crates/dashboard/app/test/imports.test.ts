import { expect, test } from 'vitest';
import { DEFAULT_OPTIONS, type ImportPlan, importParameters } from '../src/api/imports';
import { type ProblemDocument, ProblemError } from '../src/api/problem';
import { columnChoices, fileColumns, IMPORT_COLUMNS, withColumn } from '../src/pages/import/columns';
import { changedOptions, requestOf } from '../src/pages/import/options';
import { countList, countsText, effectText, planTotals } from '../src/pages/import/plan';
import { refusalOf } from '../src/pages/import/refusal';
import { inWords } from '../src/pages/import/words';

const ROWS: ImportPlan['rows'] = {
  read: 402,
  new: 2,
  changed: 1,
  unchanged: 399,
  skipped: 0,
  conflicting: 0,
  wrong: 0,
  removed: 0,
};

function parameters(table: 'students' | 'payments', changed: Partial<typeof DEFAULT_OPTIONS>) {
  return Object.fromEntries(importParameters({ table, options: { ...DEFAULT_OPTIONS, ...changed } }));
}

test('only options that differ from the default are sent', () => {
  expect(parameters('students', {})).toEqual({});
  expect(
    parameters('students', {
      mode: 'insert',
      skipWrong: true,
      dates: 'month_first',
      decimals: 'comma',
      sheet: ' Term 1 ',
      formulaGuard: false,
      columns: { Code: 'registration_number' },
    }),
  ).toEqual({
    mode: 'insert',
    skip_wrong: 'true',
    dates: 'month_first',
    decimals: 'comma',
    sheet: 'Term 1',
    formula_guard: 'false',
    columns: '{"Code":"registration_number"}',
  });
});

test('options that the service would refuse are not sent', () => {
  expect(parameters('students', { mode: 'replace', skipWrong: true })).toEqual({ mode: 'replace' });
  expect(parameters('students', { createMissing: true })).toEqual({});
  expect(parameters('payments', { createMissing: true })).toEqual({ create_missing: 'payment_categories' });
});

test('changed options are counted, and those of a plan are remembered', () => {
  expect(changedOptions(DEFAULT_OPTIONS)).toBe(0);
  expect(changedOptions({ ...DEFAULT_OPTIONS, mode: 'insert', columns: { Code: '' } })).toBe(2);
  const plan = {
    table: 'payments',
    mode: 'update',
    skip_wrong: true,
    create_missing: ['payment_categories'],
  };
  expect(requestOf(plan as ImportPlan, undefined)).toEqual({
    table: 'payments',
    options: { ...DEFAULT_OPTIONS, mode: 'update', skipWrong: true, createMissing: true },
  });
});

test('every column has one label', () => {
  for (const table of Object.keys(IMPORT_COLUMNS) as (keyof typeof IMPORT_COLUMNS)[]) {
    const labels = columnChoices(table).map(({ label }) => label);
    expect(new Set(labels).size, table).toBe(labels.length);
  }
});

test('two headings never have the same column', () => {
  const headings = fileColumns({
    columns: [{ heading: 'Reg No', column: 'registration_number' }],
    ignored: [{ heading: 'Code', reason: 'The table has no such column.' }],
  });
  expect(headings.map(({ column }) => column)).toEqual(['registration_number', '']);
  expect(withColumn({}, headings, 'Code', 'registration_number')).toEqual({
    'Reg No': '',
    Code: 'registration_number',
  });
  expect(withColumn({ Code: 'phone' }, headings, 'Reg No', '')).toEqual({ Code: 'phone', 'Reg No': '' });
});

test('the plan is told in numbers and words', () => {
  expect(countsText(ROWS)).toBe('2 new, 1 changed, 399 unchanged');
  expect(countsText({ ...ROWS, new: 0, changed: 0, unchanged: 0 })).toBe('No rows');
  expect(countList(ROWS).map(({ label }) => label)).toEqual(['New', 'Changed', 'Unchanged', 'Wrong']);
  expect(countList({ ...ROWS, removed: 3 }).map(({ label }) => label)).toContain('Deleted');
  const students = { rows_before: 400, rows_after: 402, inserted: 2, updated: 1, removed: 0 };
  const attendance = { rows_before: 9, rows_after: 0, inserted: 0, updated: 0, removed: 9 };
  const totals = planTotals({ tables: { students, attendance } });
  expect(totals).toEqual({ inserted: 2, updated: 1, removed: 9, total: 12 });
  expect(effectText(totals)).toBe('2 rows will be added, 1 row will be changed and 9 rows will be deleted');
});

const refused = (detail: string, errors?: ProblemDocument['errors']) =>
  refusalOf(new ProblemError({ code: 'import_unreadable', status: 422, detail, errors } as ProblemDocument));

test('the sheets of a workbook are offered', () => {
  const detail = 'The sheets `Term 1`, `Term 2` have data of students. Say with `sheet` which one to read.';
  const { sheets, problem } = refused(`${detail} Nothing was changed.`);
  expect(sheets).toEqual(['Term 1', 'Term 2']);
  expect((problem as ProblemError).problem.detail).toBe(
    'The sheets “Term 1”, “Term 2” have data of students. Nothing was changed.',
  );
  const none = 'None of the sheets `A`, `B` has headings of students. Say with `sheet` which one to read.';
  expect(refused(none).sheets).toEqual(['A', 'B']);
  const unknown = 'The workbook has no sheet `Term`. Its sheets are `Term 1`, `Notes`. Nothing was changed.';
  expect(refused(unknown).sheets).toEqual(['Term 1', 'Notes']);
  expect(refused('The heading Email is there twice.').sheets).toEqual([]);
});

test('a fault of the file is a sentence, without the names of parameters', () => {
  const detail =
    'has neither a column for the ID nor one for transaction_id. Add one of them, or use the mode `insert` to add every row as a new payment';
  const { problem } = refused('The request has a wrong value.', [{ field: 'file', detail } as never]);
  expect((problem as ProblemError).problem).toMatchObject({
    detail: expect.stringMatching(/^The file has neither .* choose “Only add new rows” in the options/),
  });
  expect((problem as ProblemError).problem.errors).toBeUndefined();
  expect(refusalOf('other')).toEqual({ problem: 'other', sheets: [] });
});

test('sentences of the service name the options of the page', () => {
  expect(inWords('Dates such as 31-12-2010 are read with the day first; `dates` says another order.')).toBe(
    'Dates such as 31-12-2010 are read with the day first; the options have other orders.',
  );
  expect(inWords('Other sheets are not read: `Notes`.')).toBe('Other sheets are not read: “Notes”.');
});
