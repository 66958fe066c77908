import { screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { ImportPlan } from '../src/api/imports';
import { PlanPage } from '../src/pages/import/PlanPage';
import { show } from './page';
import { answer, json, refusal, sent } from './service';

const APPLY = 'POST /backup/imports/plan-1/apply';

const PLAN: ImportPlan = {
  id: 'plan-1',
  hash: 'hash-1',
  table: 'students',
  mode: 'upsert',
  skip_wrong: false,
  create_missing: [],
  can_apply: true,
  undo_needs_identity: false,
  created_at: '2026-11-30T12:00:00Z',
  created_by: 'admin',
  expires_at: '2026-12-01T12:00:00Z',
  file: { name: 'students.csv', format: 'csv', encoding: 'UTF-8', bytes: 48_000, sha256: '' },
  rows: { read: 402, new: 2, changed: 1, unchanged: 399, skipped: 0, conflicting: 0, wrong: 0, removed: 0 },
  tables: { students: { rows_before: 400, rows_after: 402, inserted: 2, updated: 1, removed: 0 } },
  columns: [{ heading: 'Reg No', column: 'registration_number' }],
  ignored: [],
  notes: [],
  errors: [],
  changes: [],
};

/** Shows the page of a plan. */
async function showPlan(changed: Partial<ImportPlan> = {}) {
  answer('GET /backup/imports/plan-1', { ...PLAN, ...changed });
  const user = show(<PlanPage id="plan-1" />, '/import/plan-1');
  await screen.findByRole('heading', { name: 'students.csv into students' });
  return user;
}

test('only the exact word applies exactly the plan', async () => {
  const user = await showPlan();
  const confirmation = within(screen.getByRole('region', { name: 'Confirmation' }));
  confirmation.getByText(/^2 rows will be added and 1 row will be changed\./);
  const word = confirmation.getByRole('textbox', { name: 'Type import to confirm' });
  await user.type(word, 'students{Enter}');
  confirmation.getByText('Type exactly “import”. Nothing was changed.');
  expect(document.activeElement).toBe(word);
  expect(sent(APPLY)).toEqual([]);
  await user.clear(word);
  await user.type(word, 'import');
  answer(APPLY, refusal(409, 'plan_outdated'));
  await user.click(confirmation.getByRole('button', { name: 'Import 3 rows' }));
  await confirmation.findByRole('alert', { name: 'Nothing was imported' });
  answer(APPLY, json({ id: 'job-1' }, 202));
  await user.click(confirmation.getByRole('button', { name: 'Import 3 rows' }));
  await waitFor(() => expect(location.hash).toBe('#/import/job/job-1'));
  expect(sent(APPLY)[1]?.body).toEqual({ plan_hash: 'hash-1', confirm: 'import' });
});

test('a plan with wrong rows shows their reasons, and can’t be applied', async () => {
  await showPlan({
    can_apply: false,
    rows: { ...PLAN.rows, wrong: 3 },
    errors: [{ row: 7, column: 'Email', value: '', reason: '`Email` must not be empty' }],
  });
  screen.getByRole('note', { name: '3 rows can’t be imported, so nothing is imported yet' });
  const [, row] = within(screen.getByRole('region', { name: 'Errors' })).getAllByRole('row');
  expect(row?.textContent).toBe('7Email(empty)“Email” must not be empty');
  screen.getByText(/^These are the first 1 errors\./);
  expect(screen.queryByRole('region', { name: 'Confirmation' })).toBeNull();
  // This page no longer has the file, so it can't make the plan again without its wrong rows.
  expect(screen.queryByRole('button', { name: 'Leave out the wrong rows' })).toBeNull();
});

test('a changed column makes the plan outdated, and an outdated plan can’t be applied', async () => {
  const user = await showPlan();
  await user.selectOptions(screen.getByRole('combobox', { name: 'Reg No' }), 'phone');
  const status = screen.getByRole('status', { name: 'This plan is outdated' });
  expect(status.textContent).toContain('Choose the file again below.');
  expect(screen.queryByRole('region', { name: 'Confirmation' })).toBeNull();
});

test('a plan that changes nothing needs no confirmation', async () => {
  const same = { rows_before: 400, rows_after: 400, inserted: 0, updated: 0, removed: 0 };
  await showPlan({ tables: { students: same } });
  screen.getByRole('region', { name: 'Nothing to import' });
  expect(screen.queryByRole('textbox', { name: /to confirm/ })).toBeNull();
});

test('a plan that no longer exists offers a new import, and no new attempt', async () => {
  answer('GET /backup/imports/plan-1', refusal(404, 'unknown_import'));
  show(<PlanPage id="plan-1" />, '/import/plan-1');
  await screen.findByRole('alert', { name: 'There is no such plan' });
  expect(screen.getByRole('link', { name: 'Import a file' }).getAttribute('href')).toBe('#/import');
  expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
});
