// Long lists are loaded in pages, and an unchanged list is not sent again.
import { expect, signIn, test } from './harness.ts';

interface List {
  items: Record<string, unknown>[];
  total: number;
}

test('a long list of backups shows its total, and loads more on request', async ({ page, ownSchool }) => {
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
  await expect(page.getByText('Showing the newest 50 of 1,234 backups.')).toBeVisible();
  await expect(page.getByText('number 50', { exact: true })).toBeVisible();
  await expect(page.getByText('number 51', { exact: true })).toHaveCount(0);
  await page.getByRole('button', { name: 'Show older backups' }).click();
  await expect(page.getByText('Showing the newest 100 of 1,234 backups.')).toBeVisible();
  await expect(page.getByText('number 100', { exact: true })).toBeVisible();
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
