// A page reports an outcome only if it knows it, even if the answer is lost.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { enter, expect, signIn, test } from './harness.ts';
import type { Service } from './service.ts';

interface Jobs {
  items: { id: string; kind: string; state: string }[];
}

/** The jobs of the service, newest first. */
async function kinds(service: Service): Promise<string[]> {
  const { items } = await service.api<Jobs>('/backup/jobs?limit=100');
  return items.map(({ kind, state }) => `${kind} ${state}`);
}

/** Opens the plan of a clear and types the confirmation word. */
async function typed(page: Page, table: string) {
  await page.getByRole('button', { name: `Clear ${table}…` }).click();
  const dialog = page.getByRole('dialog', { name: `Clear ${table}` });
  await dialog.getByLabel(`Type ${table} to confirm`).fill(table);
  return { dialog, confirm: dialog.getByRole('button', { name: /^Clear [\d,]+ rows$/ }) };
}

async function choose(page: Page, archive: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${archive}` }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

/** Changes bytes in the middle of a stored archive. */
function damage(service: Service, id: string): void {
  const folder = join(service.folder, 'data', 'archives', id);
  const name = readdirSync(folder).find((name) => name.startsWith('archive.')) ?? '';
  const stored = readFileSync(join(folder, name));
  const middle = Math.floor(stored.length / 2);
  stored.fill(0xff, middle, middle + 16);
  writeFileSync(join(folder, name), stored);
}

test('the true outcome of a clear and its undo is shown although the answer is lost', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/clear');
  const lost = 'answer cut';
  const { dialog, confirm } = await typed(page, 'payments');
  network.losing = { request: /^POST \/backup\/clear$|idempotency_key/, loss: lost };
  await confirm.click();
  await expect(dialog.getByRole('status')).toContainText('Not known yet: Clear payments');
  await expect.poll(() => service.api('/backup/stats')).toMatchObject({ payments: 0 });
  await expect(dialog.getByRole('status')).toContainText('Still not known', { timeout: 20_000 });
  await expect(page.getByText('Nothing was')).toHaveCount(0);
  network.losing = undefined;
  await expect(dialog.getByRole('status')).toContainText('5,000 rows deleted', { timeout: 30_000 });

  network.losing = { request: /^POST \S+\/undo$/, loss: 'gateway timeout' };
  await dialog.getByRole('button', { name: 'Undo: clear payments' }).click();
  await expect(dialog.getByRole('status').filter({ hasText: '5,000 rows were restored' })).toBeVisible({
    timeout: 30_000,
  });
  await dialog.getByRole('button', { name: 'Done' }).click();
  // Each ran once, even if the browser repeated a request.
  expect(await kinds(service)).toEqual(['undo succeeded', 'clear succeeded']);

  // The dialog and the page are left while the outcome is unknown. The outcome is reported anyway.
  const other = await typed(page, 'enrollments');
  network.losing = { request: /^POST \/backup\/clear$|idempotency_key/, loss: 'answer cut in the middle' };
  await other.confirm.click();
  const unknown = page.getByRole('status').filter({ hasText: 'Not known yet: Clear enrollments' });
  await expect(unknown).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.getByRole('link', { name: 'Download' }).click();
  await expect(unknown.or(page.getByText('Still not known: Clear enrollments'))).toBeVisible();
  network.losing = undefined;
  const outcome = page.getByRole('status').filter({ hasText: 'Clear enrollments' });
  await expect(outcome).toContainText('3,000 rows deleted', { timeout: 30_000 });
  await outcome.getByRole('button', { name: 'Dismiss' }).click();
  await expect(outcome).toBeHidden();

  // An undo from the list reports its success, although its entry is gone. Its answer never arrives.
  network.losing = { request: /^POST \S+\/undo$/, loss: 'answer held' };
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.clock.install();
  await page.getByRole('button', { name: 'Undo: clear enrollments' }).click();
  await expect.poll(() => service.api('/backup/stats')).toMatchObject({ enrollments: 3_000 });
  await page.clock.fastForward(16_000);
  await expect(page.getByRole('status').filter({ hasText: '3,000 rows were restored' })).toBeVisible({
    timeout: 30_000,
  });
  await expect(page.getByRole('heading', { name: 'Can be undone' })).toBeHidden();
});

test('a request that has not arrived is not reported as done, and runs once', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/clear');
  const { dialog, confirm } = await typed(page, 'courses');
  network.losing = { request: /^POST \/backup\/clear$/, loss: 'request dropped' };
  await confirm.click();
  await expect(dialog.getByRole('alert')).toContainText('Not done yet', { timeout: 20_000 });
  await expect(dialog.getByRole('alert')).toContainText('no record of this request');
  expect(await service.api('/backup/stats')).toMatchObject({ courses: 40 });
  const keys: (string | undefined)[] = [];
  page.on('request', (request) => {
    const isClear = request.url().endsWith('/backup/clear') && !request.postDataJSON().dry_run;
    if (isClear) keys.push(request.headers()['idempotency-key']);
  });
  network.losing = undefined;
  await confirm.click();
  await expect(dialog.getByRole('status')).toContainText('rows deleted', { timeout: 30_000 });
  expect(await kinds(service)).toEqual(['clear succeeded']);
  // A refusal of the service is reported as a refusal.
  await dialog.getByRole('button', { name: 'Done' }).click();
  await expect(dialog).toBeHidden();
  const students = await typed(page, 'students');
  await service.api('/backup/clear', { table: 'payments' });
  await students.confirm.click();
  await expect(students.dialog.getByRole('alert')).toContainText('Nothing was cleared');
  expect(new Set(keys).size).toBe(2);
  expect(keys).not.toContain(undefined);
});

test('the true outcome of each change of backups is shown although the answer is lost', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/archives');
  const lose = (request: RegExp, loss: 'answer cut' | 'gateway timeout') => {
    network.losing = { request, loss };
  };
  lose(/^POST \/backup\/archives$/, 'gateway timeout');
  await page.getByRole('button', { name: 'Create a backup…' }).click();
  const create = page.getByRole('dialog', { name: 'Create a backup' });
  await create.getByLabel('Name').fill('one');
  await create.getByRole('button', { name: 'Create a backup' }).click();
  await expect(create).toBeHidden();
  await expect(page.getByRole('status').filter({ hasText: 'was created' })).toContainText('109,053 rows', {
    timeout: 30_000,
  });
  lose(/^POST \S+\/verify$/, 'answer cut');
  await choose(page, 'one', 'Verify');
  await expect(page.getByRole('status').filter({ hasText: 'is complete' })).toBeVisible({ timeout: 30_000 });
  lose(/^PATCH /, 'answer cut');
  await choose(page, 'one', 'Rename…');
  const edit = page.getByRole('dialog', { name: 'Rename the backup' });
  await edit.getByLabel('Name').fill('two');
  await edit.getByRole('button', { name: 'Save' }).click();
  await expect(edit).toBeHidden();
  lose(/^PATCH /, 'gateway timeout');
  await choose(page, 'two', 'Protect from deletion');
  await expect(page.getByText('Protected')).toBeVisible();
  lose(/^POST \/backup\/archives\/upload/, 'gateway timeout');
  const { items } = await service.api<{ items: { id: string }[] }>('/backup/archives');
  await page.getByLabel('Backup file to upload').setInputFiles({
    name: 'again.json.zst',
    mimeType: 'application/octet-stream',
    buffer: await service.curl(`/backup/archives/${items[0]?.id}/file`),
  });
  await expect(page.getByText('Complete: again.json.zst was checked and added to the list.')).toBeVisible({
    timeout: 30_000,
  });
  network.losing = undefined;
  await choose(page, 'two', 'Remove protection');
  await expect(page.getByText('Protected')).toBeHidden();

  // The answer to a restore is its job.
  await service.api('/backup/clear', { table: 'payments' });
  await choose(page, 'two', 'Restore…');
  await page.getByLabel('Some tables').check();
  await page.getByLabel('Payments', { exact: true }).check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  await page.getByLabel('Type restore to confirm').fill('restore', { timeout: 30_000 });
  lose(/^POST \S+\/restore$/, 'answer cut');
  await page.getByRole('button', { name: 'Restore', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Restore report' })).toBeVisible({ timeout: 60_000 });
  expect(await service.api('/backup/stats')).toMatchObject({ payments: 5_000 });

  await page.getByRole('link', { name: 'Backups', exact: true }).click();
  network.losing = undefined;
  await choose(page, 'two', 'Delete…');
  const deletion = page.getByRole('dialog');
  await deletion.getByRole('button', { name: 'Delete', exact: true }).click();
  // It is the newest backup, so a warning comes first.
  await expect(deletion.getByRole('button', { name: 'Delete anyway' })).toBeVisible();
  lose(/^DELETE /, 'gateway timeout');
  await deletion.getByRole('button', { name: 'Delete anyway' }).click();
  await expect(deletion).toBeHidden();
  await expect(page.getByText('two', { exact: true })).toBeHidden();
  expect((await kinds(service)).sort()).toEqual([
    'archive succeeded',
    'clear succeeded',
    'restore succeeded',
    'upload succeeded',
    'verify succeeded',
  ]);
});

test('a reload does not lose a request without an outcome', async ({ page, ownSchool, networkInFrontOf }) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  page.on('dialog', (asked) => asked.accept());
  await signIn(page, network, '#/clear');
  const { dialog, confirm } = await typed(page, 'payments');
  network.losing = { request: /^POST \/backup\/clear$|idempotency_key/, loss: 'answer cut' };
  await confirm.click();
  await expect(dialog.getByRole('status')).toContainText('Not known yet: Clear payments');
  await expect.poll(() => service.api('/backup/stats')).toMatchObject({ payments: 0 });
  await page.reload();
  const unknown = page.getByRole('status').filter({ hasText: 'Clear payments, started at' });
  await expect(unknown).toBeVisible();
  await expect(page.getByText('Nothing was')).toHaveCount(0);
  network.losing = undefined;
  await expect(page.getByRole('status').filter({ hasText: 'Cleared: payments' })).toBeVisible({
    timeout: 30_000,
  });
  await expect(unknown).toBeHidden();
  expect(await kinds(service)).toEqual(['clear succeeded']);

  // A request that has not arrived is reported as not done.
  const other = await typed(page, 'courses');
  network.losing = { request: /^POST \/backup\/clear$|idempotency_key/, loss: 'request dropped' };
  await other.confirm.click();
  await expect(other.dialog.getByRole('status')).toContainText('Not known yet: Clear courses');
  await page.reload();
  await expect(page.getByRole('status').filter({ hasText: 'Clear courses, started at' })).toBeVisible();
  network.losing = undefined;
  const open = page.getByRole('alert').filter({ hasText: 'Clear courses, started at' });
  await expect(open).toContainText('Not done yet', { timeout: 30_000 });
  await open.getByRole('button', { name: 'Dismiss' }).click();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
  await expect(open).toBeHidden();
});

test('a deleted backup is reported as deleted although the answer is lost', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const id = await service.createBackup('one');
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/archives');
  await choose(page, 'one', 'Rename…');
  const edit = page.getByRole('dialog', { name: 'Rename the backup' });
  await edit.getByLabel('Name').fill('two');
  await service.request('DELETE', `/backup/archives/${id}?force=true`);
  network.losing = { request: /^PATCH /, loss: 'gateway timeout' };
  await edit.getByRole('button', { name: 'Save' }).click();
  await expect(edit.getByRole('alert')).toContainText('A deleted backup can’t be restored', {
    timeout: 30_000,
  });
  await expect(page.getByText('Not done yet')).toHaveCount(0);
  await page.keyboard.press('Escape');
  // The list was reloaded.
  await expect(page.getByText('There is no backup yet')).toBeVisible();
});

test('a job is shown once, and an unknown cancellation is reported as unknown', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool();
  const { id } = await service
    .ended(await service.api<{ id: string }>('/backup/archives', {}))
    .then(async () => (await service.api<Jobs>('/backup/jobs')).items[0] ?? { id: '' });
  const ended = await service.api<object>(`/backup/jobs/${id}`);
  let state = 'running';
  const job = () => ({ ...ended, kind: 'clear', state, phase: 'changing', ended_at: null, result: null });
  const list = () => ({ items: [job()], total: 1, limit: 20, offset: 0 });
  await page.route(/\/backup\/jobs\?(limit|idempotency_key)=/, (route) => route.fulfill({ json: list() }));
  // The service would report that the job has ended.
  await page.route('**/backup/jobs/*/events', (route) => route.abort());
  await signIn(page, service, '#/clear');
  const { dialog, confirm } = await typed(page, 'payments');
  await page.route('**/backup/clear', (route) => route.abort());
  await confirm.click();
  const progress = page.getByTestId('job');
  await expect(dialog.getByTestId('job')).toBeVisible();
  await expect(progress).toHaveCount(1);

  let answersJob = false;
  await page.route(`**/backup/jobs/${id}`, (route) =>
    answersJob ? route.fulfill({ json: job() }) : route.abort(),
  );
  await page.route(`**/backup/jobs/${id}/cancel`, (route) => route.abort());
  await progress.getByRole('button', { name: 'Cancel: Clearing data' }).click();
  await expect(progress.getByRole('status')).toContainText('not known yet whether this is being cancelled');
  state = 'cancelling';
  answersJob = true;
  await expect(progress.getByText('Cancelling', { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(progress.getByRole('status')).toBeHidden();
});

test('an upload that can no longer be cancelled says so', async ({ page, ownSchool, networkInFrontOf }) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/archives');
  network.losing = { request: /^POST \/backup\/archives\/upload/, loss: 'answer held' };
  await page.getByLabel('Backup file to upload').setInputFiles({
    name: 'whole.json',
    mimeType: 'application/json',
    buffer: await service.curl('/backup/download/all'),
  });
  await expect.poll(() => kinds(service), { timeout: 30_000 }).toEqual(['upload succeeded']);
  await page.getByRole('button', { name: 'Cancel the upload of whole.json' }).click();
  await expect(page.getByText('this can no longer be cancelled')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('button', { name: 'Cancel the upload of whole.json' })).toBeHidden();
});

test('the true outcome of signing out everywhere is shown although the answer is lost', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/');
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out everywhere…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign out everywhere' });
  const confirm = dialog.getByRole('button', { name: 'Sign out everywhere' });
  network.losing = { request: /^DELETE \/auth\/sessions/, loss: 'request dropped' };
  await confirm.click();
  await expect(dialog.getByRole('alert')).toContainText('Not done yet', { timeout: 30_000 });
  network.losing = { request: /^DELETE \/auth\/sessions/, loss: 'answer cut' };
  await confirm.click();
  await expect(page.getByText('You are signed out.')).toBeVisible({ timeout: 30_000 });
});

test('requests that change nothing can be repeated after a lost answer', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  const id = await service.createBackup('one');
  const network = await networkInFrontOf(service);
  const lose = (request: RegExp) => {
    network.losing = { request, loss: 'gateway timeout' };
  };
  const unreachable = page.getByRole('alert').filter({ hasText: 'There was no answer' });
  await page.goto(`${network.url}/backup/#/clear`);
  lose(/^POST \/auth\/login/);
  await enter(page);
  await expect(unreachable).toBeVisible();
  network.losing = undefined;
  await enter(page);
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();

  lose(/^POST \/backup\/clear$/);
  await page.getByRole('button', { name: 'Clear courses…' }).click();
  const count = page.getByRole('dialog').getByRole('button', { name: 'Count again' });
  await expect(count).toBeVisible({ timeout: 30_000 });
  network.losing = undefined;
  await count.click();
  await expect(page.getByLabel('Type courses to confirm')).toBeVisible();
  await page.keyboard.press('Escape');

  await service.api('/backup/clear', { table: 'payments' });
  lose(/restore-plan$/);
  await page.goto(`${network.url}/backup/#/restore/${id}`);
  const show = page.getByRole('button', { name: 'Show preview' });
  await show.click();
  await expect(unreachable).toContainText('Can’t restore this');
  network.losing = undefined;
  await show.click();
  await expect(page.getByLabel('Type restore to confirm')).toBeVisible({ timeout: 30_000 });

  await page.getByRole('link', { name: 'Backups', exact: true }).click();
  lose(/^POST \/backup\/download-links/);
  await choose(page, 'one', 'Download');
  await expect(unreachable).toBeVisible();
  network.losing = undefined;
  const coming = page.waitForEvent('download');
  await choose(page, 'one', 'Download');
  await (await coming).delete();

  // Signing out works even if the service does not receive it.
  network.losing = { request: /^DELETE \/auth\/session/, loss: 'request dropped' };
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('You are signed out');
  await page.reload();
  await expect(page.getByLabel('User name', { exact: true })).toBeEditable();
});

test('a damaged backup is reported, shown as a problem, and not proposed', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const good = await service.createBackup('good');
  const bad = await service.createBackup('bad');
  const gone = await service.createBackup('gone');
  await service.request('DELETE', `/backup/archives/${gone}?force=true`);
  damage(service, bad);
  await signIn(page, service, '#/archives');
  await choose(page, 'bad', 'Verify');
  const damaged = page.getByRole('alert').filter({ hasText: 'is damaged' });
  await expect(damaged).toContainText('bad', { timeout: 30_000 });
  await expect(damaged).toContainText('Create a new backup now');
  await expect(page.getByText(/archive_/)).toHaveCount(0);
  // A failed job is reported to all users until they dismiss it.
  await page.reload();
  await expect(damaged).toContainText('The backup of');
  await damaged.getByRole('button', { name: 'Dismiss' }).click();
  await page.reload();
  await expect(page.getByText('Damaged', { exact: true })).toBeVisible();
  await expect(damaged).toBeHidden();

  await page.getByRole('link', { name: 'Home' }).click();
  const last = page.getByRole('alert').filter({ hasText: /^The last backup is damaged/ });
  await expect(last).toContainText('You can restore the previous backup of');
  await expect(last).not.toContainText('archive_');

  for (const [at, label] of [
    ['restore', 'Backup'],
    ['compare', 'From'],
  ] as const) {
    await page.goto(`${service.url}/backup/#/${at}`);
    const chosen = page.getByLabel(label, { exact: true });
    await expect(chosen).toHaveValue(good);
    await expect(chosen.locator('option', { hasText: 'damaged' })).toHaveCount(1);
    await page.goto(`${service.url}/backup/#/${at}/2026-01-01T00-00-00Z-00000000`);
    await expect(page.getByRole('alert')).toContainText('There is no such backup');
    await expect(chosen).toBeHidden();
    await page.goto(`${service.url}/backup/#/${at}/${gone}`);
    await expect(page.getByRole('alert')).toContainText('A deleted backup can’t be restored');
    await page.getByRole('link', { name: 'Choose another backup' }).click();
    await expect(chosen).toHaveValue(good);
  }
  await page.goto(`${service.url}/backup/#/restore/${bad}`);
  await expect(page.getByRole('note').filter({ hasText: 'It can’t be restored' })).toBeVisible();

  // The safety backup of a restore is not proposed.
  await service.api('/backup/clear', { table: 'students' });
  await page.goto(`${service.url}/backup/#/restore`);
  await expect(page.getByLabel('Backup', { exact: true })).toHaveValue(good);
});

test('the home page warns of tables that have become empty', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const older = await service.createBackup('older');
  const id = await service.createBackup('today');
  await service.ended(
    await service.api<{ id: string }>(`/backup/archives/${id}/verify`, { level: 'digest' }),
  );
  // An older file that is uploaded later does not hide it.
  await service.upload(`/backup/archives/${older}/file`, 'uploaded');
  await signIn(page, service, '#/');
  const last = page.getByRole('status').filter({ hasText: 'Last backup:' });
  await expect(last).toContainText('today');
  await expect(last).toHaveAttribute('style', /green/);
  await service.api('/backup/clear', { table: 'payments' });
  await page.getByRole('button', { name: 'Refresh' }).click();
  const empty = page.getByRole('alert').filter({ hasText: 'Tables that are now empty' });
  await expect(empty).toContainText('5,000 rows of payments then, 0 rows now');
  await expect(empty).toContainText(/admin cleared payments on .*: 5,000 rows deleted/);
  await expect(empty.getByRole('button', { name: 'Undo: clear payments' })).toBeVisible();
  await expect(last).not.toHaveAttribute('style', /green/);
  await page.getByRole('link', { name: 'Clear', exact: true }).click();

  // While an undo runs, no other undo is offered.
  const clear = (await service.api<{ items: { id: string }[] }>('/backup/changes?kind=clear')).items[0]?.id;
  const running = {
    ...(await service.api<{ items: object[] }>('/backup/jobs?kind=clear')).items[0],
    id: '01a21323-465d-77be-a326-abc1544e35d2',
    kind: 'undo',
    state: 'running',
    phase: 'changing',
    ended_at: null,
    parameters: { clear_id: clear },
    result: null,
  };
  await page.route('**/backup/jobs/*/events', (route) => route.abort());
  await page.route(/\/backup\/jobs\?limit=/, (route) =>
    route.fulfill({ json: { items: [running], total: 1, limit: 20, offset: 0 } }),
  );
  await page.reload();
  await expect(page.getByRole('region', { name: 'Running jobs' })).toContainText('Undoing a change');
  await expect(page.getByText('This clear is being undone.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Undo: clear payments' })).toBeHidden();
  await page.unroute(/\/backup\/jobs\?limit=/);
  await page.getByRole('button', { name: 'Undo: clear payments' }).click();
  await expect(page.getByRole('status').filter({ hasText: '5,000 rows were restored' })).toBeVisible({
    timeout: 30_000,
  });
});
