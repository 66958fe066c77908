import { screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { RestorePlan } from '../src/api/archives';
import { RestoreForm } from '../src/pages/restore/RestoreForm';
import { show } from './page';
import { archive, restorePlan } from './sample';
import { answer, json, refusal, sent } from './service';

const PLAN = 'POST /backup/archives/before/restore-plan';
const RESTORE = 'POST /backup/archives/before/restore';

const STUDENTS: RestorePlan['tables'][string] = {
  rows_before: 1_000,
  rows_after: 1_200,
  inserts: 200,
  updates: 3,
  deletes: 0,
  cascades: 0,
  kept: 0,
  unchanged: 997,
  conflicts: 0,
  orphans: 0,
  renumbered: 0,
};

const CHANGES = restorePlan({ hash: 'plan-1', tables: { students: STUDENTS } });

/** Shows the preview of the plan. */
async function preview(plan: object) {
  answer(PLAN, plan);
  const backup = archive('before', '28T13');
  const user = show(<RestoreForm archives={[backup]} chosen={backup} />);
  await user.click(screen.getByRole('button', { name: 'Show preview' }));
  return user;
}

const word = () => screen.findByRole('textbox', { name: 'Type restore to confirm' });

test('only the exact word restores what the preview shows', async () => {
  const user = await preview(CHANGES);
  const row = await screen.findByRole('row', { name: /^Students/ });
  const cells = within(row).getAllByRole('cell');
  expect(cells.map((cell) => cell.textContent)).toEqual(['1,000', '200', '3', '–', '1,200']);
  await user.type(await word(), 'Restore{Enter}');
  screen.getByText('Type exactly “restore”. Nothing was changed.');
  expect(sent(RESTORE)).toEqual([]);
  answer(RESTORE, json({ id: 'job-1' }, 202));
  await user.clear(await word());
  expect(screen.queryByText(/Type exactly/)).toBeNull();
  await user.type(await word(), 'restore{Enter}');
  await waitFor(() => expect(location.hash).toBe('#/restore/job/job-1'));
  const [request] = sent(RESTORE);
  expect(request?.body).toMatchObject({
    plan_hash: 'plan-1',
    confirm: 'restore',
    confirm_administrators: false,
    mode: 'insert_missing',
    scope: 'all',
  });
  expect(request?.headers.get('Idempotency-Key')).toMatch(/.{16}/);
});

test('changed administrators are named, and need a confirmation of their own', async () => {
  const eve = { items: [{ username: 'eve', text: 'Her password changes.' }], total: 1 };
  const user = await preview({ ...CHANGES, administrators_changed: eve });
  const note = await screen.findByRole('note', { name: 'Administrators whose password changes' });
  expect(note.textContent).toContain('eve: Her password changes.');
  await user.type(await word(), 'restore{Enter}');
  screen.getByText('Confirm the changes of administrators. Nothing was changed.');
  expect(sent(RESTORE)).toEqual([]);
  answer(RESTORE, json({ id: 'job-1' }, 202));
  await user.click(screen.getByRole('checkbox', { name: /^I know these administrators/ }));
  await user.click(screen.getByRole('button', { name: 'Restore' }));
  await waitFor(() => expect(sent(RESTORE).length).toBe(1));
  expect(sent(RESTORE)[0]?.body).toMatchObject({ confirm_administrators: true });
});

test('a plan that is blocked or changes nothing can’t be confirmed', async () => {
  const blocker = { code: 'schema_mismatch', table: 'students', text: 'The column phone is missing.' };
  const user = await preview({ ...CHANGES, blockers: [blocker] });
  await screen.findByText('The column phone is missing.');
  expect(screen.queryByRole('textbox', { name: /to confirm/ })).toBeNull();
  answer(PLAN, restorePlan({ hash: 'plan-2' }));
  await user.click(screen.getByRole('button', { name: 'Refresh preview' }));
  await screen.findByText(/Nothing will change\./);
  expect(screen.queryByText('The column phone is missing.')).toBeNull();
  expect(screen.queryByRole('textbox', { name: /to confirm/ })).toBeNull();
});

test('another choice removes the preview, and an incomplete choice requests none', async () => {
  const user = await preview(CHANGES);
  await user.type(await word(), 'restore');
  await user.click(screen.getByRole('radio', { name: 'Some tables' }));
  expect(screen.queryByRole('region', { name: 'Preview' })).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Show preview' }));
  screen.getByText('Choose at least one table.');
  expect(sent(PLAN)).toHaveLength(1);
  await user.click(screen.getByRole('checkbox', { name: 'Payments' }));
  expect(screen.queryByText('Choose at least one table.')).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Show preview' }));
  expect(await word()).toHaveProperty('value', '');
  expect(sent(PLAN)[1]?.body).toMatchObject({ scope: { tables: ['payments'] } });
});

test('an encrypted backup asks for its secret key, which the restore uses, too', async () => {
  const user = await preview(refusal(422, 'archive_key_required'));
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).not.toContain('archive_key_required');
  await user.type(within(alert).getByRole('textbox', { name: 'Secret key of the backup' }), ' AGE-KEY ');
  answer(PLAN, CHANGES);
  await user.click(within(alert).getByRole('button', { name: 'Show the preview with this key' }));
  answer(RESTORE, refusal(409, 'plan_outdated'));
  await user.type(await word(), 'restore{Enter}');
  expect((await screen.findByRole('alert')).textContent).toContain('Refresh the preview');
  expect([...sent(PLAN), ...sent(RESTORE)].map(({ body }) => body)).toMatchObject([
    { mode: 'insert_missing' },
    { identity: 'AGE-KEY' },
    { identity: 'AGE-KEY' },
  ]);
});

test('a backup without encryption is restored only after it was trusted', async () => {
  const user = await preview(refusal(409, 'archive_unencrypted'));
  const trust = await screen.findByRole('button', { name: 'I trust this backup: show the preview' });
  answer(PLAN, CHANGES);
  await user.click(trust);
  await word();
  const trusted = sent(PLAN).map(({ body }) => (body as { allow_unencrypted: boolean }).allow_unencrypted);
  expect(trusted).toEqual([false, true]);
});
