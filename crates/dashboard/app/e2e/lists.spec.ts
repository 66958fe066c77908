// Long lists are loaded in pages, and an unchanged list is not sent again.
import type { Locator } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';
import type { Service } from './service.ts';

interface List {
  items: Record<string, unknown>[];
  total: number;
}

test('a long list of backups is paged by the service', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  const {
    items: [real],
  } = await service.api<List>('/backup/archives');
  const total = 1_234;
  const archive = (place: number) => ({ ...real, id: `archive-${place}`, label: `number ${place}` });
  await page.route('**/backup/archives?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const offset = Number(query.get('offset') ?? 0);
    const limit = Number(query.get('limit'));
    const count = Math.max(0, Math.min(limit, total - offset));
    const items = Array.from({ length: count }, (_, place) => archive(offset + place + 1));
    return route.fulfill({ json: { items, total, limit, offset, unreadable: [] } });
  });
  await signIn(page, service, '#/archives');
  await expect(page.getByText('1 to 50 of 1,234 backups')).toBeVisible();
  await expect(page.getByText('number 50', { exact: true })).toBeVisible();
  await expect(page.getByText('number 51', { exact: true })).toHaveCount(0);
  await page.getByRole('button', { name: 'Next page' }).click();
  await expect(page.getByText('51 to 100 of 1,234 backups')).toBeVisible();
  await expect(page.getByText('number 51', { exact: true })).toBeVisible();
  await expect(page.getByText('number 50', { exact: true })).toHaveCount(0);
  await page.getByRole('button', { name: 'Page 25', exact: true }).click();
  await expect(page.getByText('1,201 to 1,234 of 1,234 backups')).toBeVisible();
});

/** A service with 500 backups: the newest is `Before the exams`, and half of the others are of a schedule. */
async function with500Backups(service: Service): Promise<string> {
  const id = await service.createBackup('Before the exams');
  for (let place = 0; place < 499; place += 1) {
    service.copyArchive(id, `2026-10-01T10-00-00Z-${String(place).padStart(8, '0')}`, {
      label: `week ${place + 1}`,
      created_by: place % 2 === 0 ? 'system' : 'admin',
      total: place,
    });
  }
  return id;
}

test('one of 500 backups is found by typing, and the address keeps the view', async ({ page, ownSchool }) => {
  const service = await ownSchool({ scale: 0 });
  const id = await with500Backups(service);
  const requests: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/backup/archives?')) requests.push(request.url());
  });
  await signIn(page, service, '#/archives');
  const rows = page.getByRole('table', { name: 'Backups' }).getByRole('row');
  await expect(page.getByText('1 to 50 of 500 backups')).toBeVisible();
  await expect(rows).toHaveCount(51);
  const before = requests.length;
  await page.getByLabel('Search backups').pressSequentially('exams before', { delay: 20 });
  await expect(rows).toHaveCount(2);
  // The service searches, after a pause, and not for each letter.
  expect(requests.length - before).toBeLessThanOrEqual(3);
  await expect(page).toHaveURL(/#\/archives\?search=exams\+before$/);
  await page.reload();
  await expect(page.getByLabel('Search backups')).toHaveValue('exams before');
  await expect(rows).toHaveCount(2);
  await page.getByRole('link', { name: 'Before the exams', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`#/archives/${id}$`));
  await page.goBack();
  await expect(page.getByLabel('Search backups')).toHaveValue('exams before');
  await expect(rows).toHaveCount(2);
  await page.getByRole('link', { name: 'Before the exams', exact: true }).click();
  await page.getByRole('link', { name: 'All backups' }).click();
  await expect(page.getByLabel('Search backups')).toHaveValue('exams before');
  await expect(page).toHaveURL(/\?search=exams\+before$/);
  await page.getByLabel('Search backups').fill('nothing like this');
  await expect(page.getByText('No backup matches.')).toBeVisible();
  await page.getByLabel('Search backups').fill('week');
  await expect(page.getByText('1 to 50 of 499 backups')).toBeVisible();
  await page.getByRole('button', { name: 'Filters' }).click();
  await page.getByLabel('Created by').selectOption('Schedule');
  await expect(page.getByText('1 to 50 of 250 backups')).toBeVisible();
  await page.getByRole('button', { name: 'Rows', exact: true }).click();
  await expect(page.getByRole('columnheader', { name: 'Rows' })).toHaveAttribute('aria-sort', 'descending');
  await expect(rows.nth(1)).toContainText('week 499');
  await page.getByRole('button', { name: 'Next page' }).click();
  await expect(page.getByText('51 to 100 of 250 backups')).toBeVisible();
  await expect(page).toHaveURL(/creator=system&sort=rows&direction=desc&page=2$/);
  // The choice of columns stays after a reload.
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'Created by' }).click();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('columnheader', { name: 'Created by' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('columnheader', { name: 'Created by' })).toBeVisible();
  await expect(page.getByText('51 to 100 of 250 backups')).toBeVisible();
  // No request read more than a page.
  expect(requests.every((url) => new URL(url).searchParams.get('limit') === '50')).toBe(true);
});

test('restore and compare find one of 500 backups by typing', async ({ page, ownSchool }) => {
  const service = await ownSchool({ scale: 0 });
  await with500Backups(service);
  await signIn(page, service);
  for (const [at, label] of [
    ['restore', 'Backup'],
    ['compare', 'From'],
  ] as const) {
    await page.goto(`${service.url}/backup/#/${at}`);
    const select = page.getByLabel(label, { exact: true });
    await expect(select.locator('option:checked')).toContainText('Before the exams');
    await page.getByLabel('Find a backup').fill('week 170');
    await expect(page.getByText('1 backup matches.')).toBeVisible();
    await select.selectOption(await optionWith(select, 'week 170'));
    await expect(select.locator('option:checked')).toContainText('week 170');
    await page.getByLabel('Find a backup').fill('');
    await expect(select.locator('option:checked')).toContainText('week 170');
  }
});

/** The value of the option with a text. */
async function optionWith(select: Locator, text: string): Promise<string> {
  return (await select.locator('option', { hasText: text }).getAttribute('value')) ?? '';
}

test('selected backups are deleted after a preview, and a needed one only after a warning', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool();
  for (const label of ['one', 'two', 'three']) await service.createBackup(label);
  const { items } = await service.api<List>('/backup/archives');
  const two = items.find(({ label }) => label === 'two');
  await service.request('PATCH', `/backup/archives/${two?.id}`, JSON.stringify({ protected: true }));
  await signIn(page, service, '#/archives');
  await page.getByLabel('Select all backups of this page').check();
  await page.getByRole('button', { name: 'Delete the selected backups…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete the selected backups' });
  await expect(dialog.getByText('2 backups are deleted permanently')).toBeVisible();
  await expect(dialog.getByText('1 selected backup is protected from deletion.')).toBeVisible();
  await dialog.getByRole('button', { name: 'Delete 2' }).click();
  await expect(dialog.getByText('Type exactly “delete”')).toBeVisible();
  expect((await service.api<List>('/backup/archives')).total).toBe(3);
  await dialog.getByLabel('Type delete to confirm').fill('delete');
  await dialog.getByRole('button', { name: 'Delete 2' }).click();
  await expect(dialog.getByRole('status')).toContainText('1 backup was deleted', { timeout: 30_000 });
  await expect(dialog.getByRole('alert')).toContainText('was not deleted');
  await dialog.getByRole('button', { name: 'Delete 1 needed backup anyway' }).click();
  await expect(dialog.getByRole('status')).toContainText('2 backups were deleted', { timeout: 30_000 });
  await dialog.getByRole('button', { name: 'Done' }).click();
  const rows = page.getByRole('table', { name: 'Backups' }).getByRole('row');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('two');
});

test('pages load only what they show of a thousand backups', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  const {
    items: [real],
  } = await service.api<List>('/backup/archives');
  // The newest thousand are safety backups, and the newest reliable backup comes after archives without proof of
  // origin.
  const safety = Array.from({ length: 1_000 }, (_, place) => ({
    ...real,
    id: `safety-${place}`,
    label: `safety ${place}`,
    kind: 'safety',
  }));
  const found = Array.from({ length: 70 }, (_, place) => ({
    ...real,
    id: `found-${place}`,
    label: `found ${place}`,
    origin: 'found',
  }));
  const own = { ...real, id: 'own', label: 'the one that counts' };
  const limits: number[] = [];
  await page.route('**/backup/archives?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const stored: Record<string, unknown>[] = [...safety, ...found, own];
    const all = stored.filter(({ kind }) => !query.has('kind') || kind === query.get('kind'));
    const [offset, limit] = [Number(query.get('offset') ?? 0), Number(query.get('limit'))];
    limits.push(limit);
    const items = all.slice(offset, offset + limit);
    return route.fulfill({ json: { items, total: all.length, limit, offset, unreadable: [] } });
  });
  await signIn(page, service, '#/');
  const last = page.getByRole('status').filter({ hasText: 'Last backup:' });
  await expect(last).toContainText('the one that counts');
  for (const [at, label] of [
    ['Restore', 'Backup'],
    ['Compare', 'From'],
  ] as const) {
    await page.getByRole('link', { name: at, exact: true }).click();
    const select = page.getByLabel(label, { exact: true });
    await expect(select).toHaveValue('own');
    await expect(select.locator('option', { hasText: 'safety backup' })).toHaveCount(50);
    await expect(page.getByText('Showing the newest 50 of 1,071 backups.')).toBeVisible();
    await page.getByRole('button', { name: 'Show older backups' }).click();
    await expect(select.locator('option', { hasText: 'safety backup' })).toHaveCount(100);
    await expect(select).toHaveValue('own');
    await page.reload();
  }
  expect(Math.max(...limits)).toBe(50);
});

test('an unchanged list is not sent again', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  await page.clock.install();
  const answers: { status: number; size: number }[] = [];
  page.on('response', async (response) => {
    if (!response.url().includes('/backup/archives?')) return;
    answers.push({ status: response.status(), size: (await response.body().catch(() => '')).length });
  });
  await signIn(page, service, '#/archives');
  await expect(page.getByText('first', { exact: true })).toBeVisible();
  await page.clock.runFor(35_000);
  await expect.poll(() => answers.at(-1)?.status).toBe(304);
  await expect(page.getByText('first', { exact: true })).toBeVisible();
  await service.createBackup('second');
  await page.clock.runFor(35_000);
  await expect(page.getByText('second', { exact: true })).toBeVisible();
  await expect.poll(() => answers.map(({ status }) => status)).toEqual([200, 304, 200]);
});

test('a count of one uses the singular', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  await page.route('**/backup/stats', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({
      response: answer,
      json: { ...(await answer.json()), users: 1, payment_categories: 1 },
    });
  });
  await signIn(page, service);
  await expect(page.getByText('with 1 payment category and 1 user', { exact: true })).toBeVisible();
});
