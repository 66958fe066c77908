import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import type { RetentionPlan, RetentionPolicy, Retention as RetentionState } from '../src/api/retention';
import { PROPOSED_POLICY } from '../src/pages/retention/policyForm';
import Retention from '../src/pages/retention/Retention';
import { show } from './page';
import { answer, json, refusal, sent } from './service';

const PREVIEW = 'POST /backup/retention/preview';
const APPLY = 'POST /backup/retention/apply';

const KEEPS: RetentionPlan = {
  keep: [{ id: '2026-11-28T13-00-00Z-aaaaaaaa', reasons: ['newest'] }],
  delete: [],
  frees_bytes: 0,
  held: null,
  plan_hash: 'plan-1',
  retained_copies: [],
};

const DELETES: RetentionPlan = {
  ...KEEPS,
  delete: [{ id: '2026-01-01T13-00-00Z-bbbbbbbb', reason: 'no_rule', bytes: 2e6, retained_since: null }],
  frees_bytes: 2e6,
};

function retention(policy: RetentionPolicy | null): RetentionState {
  return { policy, held: null, last_application: null, updated_at: null, updated_by: null };
}

beforeEach(() => answer('GET /backup/retention', retention(null)));

/** Shows the preview of a new policy that keeps so many daily backups. */
async function previewDaily(days: string) {
  const user = show(<Retention />);
  const daily = await screen.findByRole('textbox', { name: 'One a day' });
  await user.clear(daily);
  await user.type(daily, `${days}{Enter}`);
  return { user, daily };
}

test('an input that is not a number is marked, and no preview is requested', async () => {
  const { daily } = await previewDaily('many');
  screen.getByRole('textbox', { name: 'One a day', description: /Enter a whole number, or 0\./ });
  expect(document.activeElement).toBe(daily);
  expect(screen.queryByRole('region', { name: 'Preview' })).toBeNull();
  expect(sent(PREVIEW)).toEqual([]);
});

test('a policy that deletes backups is saved only after the word', async () => {
  answer(PREVIEW, DELETES);
  const { user } = await previewDaily('5');
  await screen.findByText('1 backup stays. 1 backup will be deleted, which frees 2 MB.');
  await user.click(screen.getByRole('button', { name: 'Save this policy…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Save the policy' });
  const word = within(dialog).getByRole('textbox', { name: 'Type delete to confirm' });
  await user.type(word, 'yes{Enter}');
  within(dialog).getByText('Type exactly “delete”. Nothing was changed.');
  expect(sent('PUT /backup/retention')).toEqual([]);
  const policy = { ...PROPOSED_POLICY, daily: 5 };
  answer('PUT /backup/retention', retention(policy));
  await user.clear(word);
  await user.type(word, 'delete{Enter}');
  await screen.findByText('The policy was saved.');
  expect(sent('PUT /backup/retention').map(({ body }) => body)).toEqual([policy]);
});

test('a policy that deletes nothing is saved without a word', async () => {
  answer(PREVIEW, KEEPS);
  const { user } = await previewDaily('5');
  await screen.findByText('1 backup stays. None will be deleted.');
  await user.click(screen.getByRole('button', { name: 'Save this policy…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Save the policy' });
  expect(within(dialog).queryByRole('textbox')).toBeNull();
  answer('PUT /backup/retention', retention({ ...PROPOSED_POLICY, daily: 5 }));
  await user.click(within(dialog).getByRole('button', { name: 'Save the policy' }));
  await screen.findByText('The policy was saved.');
});

test('an outdated plan deletes nothing, and is refreshed from the dialog', async () => {
  answer('GET /backup/retention', retention(PROPOSED_POLICY));
  answer(PREVIEW, DELETES);
  answer(APPLY, refusal(409, 'plan_outdated'));
  const user = show(<Retention />);
  await user.click(await screen.findByRole('button', { name: 'Delete 1 backup now…' }));
  const dialog = await screen.findByRole('dialog', { name: 'Delete old backups now' });
  await user.type(within(dialog).getByRole('textbox'), 'delete{Enter}');
  const alert = await within(dialog).findByRole('alert', { name: /^The backups have changed since/ });
  expect(alert.textContent).toContain('Nothing was changed.');
  answer(PREVIEW, { ...KEEPS, plan_hash: 'plan-2' });
  await user.click(within(dialog).getByRole('button', { name: 'Refresh the preview' }));
  await screen.findByText('1 backup stays. None will be deleted.');
  await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull());
  expect(screen.queryByRole('button', { name: /^Delete .* now…/ })).toBeNull();
  expect(sent(APPLY).map(({ body }) => body)).toEqual([{ plan_hash: 'plan-1' }]);
});

test('old backups that are held can’t be deleted, and the reason is shown', async () => {
  answer('GET /backup/retention', retention(PROPOSED_POLICY));
  const held = { code: 'no_recent_backup', detail: 'The last backup is older than a week.' };
  answer(PREVIEW, { ...DELETES, held });
  show(<Retention />);
  const status = await screen.findByRole('status', { name: 'Old backups are not deleted for now' });
  expect(status.textContent).toContain('The last backup is older than a week.');
  expect(screen.queryByRole('button', { name: /^Delete .* now…/ })).toBeNull();
});

test('a policy that can’t be loaded is loaded on request', async () => {
  answer('GET /backup/retention', refusal(500, 'internal'));
  const user = show(<Retention />);
  const alert = await screen.findByRole('alert', { name: 'The policy could not be loaded' });
  answer('GET /backup/retention', json(retention(null)));
  await user.click(within(alert).getByRole('button', { name: 'Try again' }));
  await screen.findByText('Retention is off');
  expect(screen.queryByRole('alert')).toBeNull();
});
