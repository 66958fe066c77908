// Destinations: tested before they are saved, edited, disabled and deleted. Secrets are never shown.
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, signIn, test } from './harness.ts';

test('a folder is tested, added, filled with copies, disabled and deleted', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0, flags: ['--destination-folders', tmpdir()] });
  const folder = join(school.folder, 'disk');
  mkdirSync(folder);
  await school.createBackup('first');
  await signIn(page, school, '#/destinations');
  await page.getByRole('button', { name: 'Add a destination…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('Disk');
  await dialog.getByLabel('Folder', { exact: true }).fill('/etc/elsewhere');
  await dialog.getByRole('button', { name: 'Test' }).click();
  await expect(dialog.getByText(/^The place must be below a folder/)).toBeVisible();
  await expect(dialog.getByLabel('Folder', { exact: true })).toBeFocused();
  await dialog.getByLabel('Folder', { exact: true }).fill(folder);
  await dialog.getByRole('button', { name: 'Test' }).click();
  await expect(dialog.getByText('The destination works')).toBeVisible();
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(page.getByText(/^The destination “.*Disk.*” was added/)).toBeVisible();
  const row = page.getByRole('listitem').filter({ hasText: 'Disk' });
  await expect(row).toContainText('Folder or network disk');
  await expect(async () => {
    await page.reload();
    await expect(row).toContainText('1 backup copied', { timeout: 1_000 });
  }).toPass({ timeout: 30_000 });

  const choose = async (action: string) => {
    await page.getByRole('button', { name: 'Actions for Disk' }).click();
    await page.getByRole('menuitem', { name: action, exact: true }).click();
  };
  await choose('Test');
  await expect(row.getByText('The destination works')).toBeVisible();
  await choose('Disable');
  await expect(row.getByText('Disabled', { exact: true })).toBeVisible();
  await choose('Delete…');
  await expect(dialog).toContainText('The copies in it stay there');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(row).toHaveCount(0);
});

test('a stored secret is never shown, and stays if it is not entered again', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0, flags: ['--allow-local-targets'] });
  await signIn(page, school, '#/destinations');
  await page.getByRole('button', { name: 'Add a destination…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('Cloud');
  await dialog.getByLabel('Amazon S3 or compatible').check();
  await dialog.getByLabel('Bucket').fill('school');
  await dialog.getByLabel('Address').fill('http://127.0.0.1:9');
  await dialog.getByLabel('Access key').first().fill('AKIAEXAMPLE');
  await dialog.getByLabel('Secret of the access key').fill('do-not-show-this');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await expect(page.getByText(/was added/)).toBeVisible();
  await page.getByRole('button', { name: 'Actions for Cloud' }).click();
  await page.getByRole('menuitem', { name: 'Edit…' }).click();
  await expect(dialog.getByLabel('Secret of the access key')).toHaveValue('');
  await expect(dialog).toContainText('A secret is stored. Leave this empty to keep it.');
  await dialog.getByLabel('Name', { exact: true }).fill('Cloud of the district');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/was changed/)).toBeVisible();
  expect(await page.content()).not.toContain('do-not-show-this');
  const { items } = await school.api<{ items: { name: string; has_secret: boolean }[] }>(
    '/backup/destinations',
  );
  expect(items).toMatchObject([{ name: 'Cloud of the district', has_secret: true }]);
});
