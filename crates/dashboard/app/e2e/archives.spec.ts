import { readFileSync, writeFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

async function choose(page: Page, archive: string, action: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${archive}` }).click();
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

test('a backup is created, verified, protected, renamed, viewed and deleted', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await signIn(page, service, '#/');
  await expect(page.getByRole('status').filter({ hasText: 'There is no backup yet' })).toBeVisible();
  await page.getByRole('link', { name: 'Show backups' }).click();
  await page.getByRole('button', { name: 'Create a backup…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create a backup' });
  await dialog.getByLabel('Name').fill('before the exams');
  await dialog.getByLabel('Note').fill('Asked for by the head teacher.');
  await dialog.getByRole('button', { name: 'Create a backup' }).click();
  await expect(dialog).toBeHidden();
  const row = page.getByRole('row').filter({ hasText: 'before the exams' });
  await expect(row).toContainText('109,053', { timeout: 30_000 });
  await expect(row).toContainText('Checked when created');

  await choose(page, 'before the exams', 'Verify');
  await expect(row).toContainText('Verified', { timeout: 30_000 });
  await choose(page, 'before the exams', 'Test restore');
  await expect(row).toContainText('Restore tested', { timeout: 30_000 });

  await choose(page, 'before the exams', 'Protect from deletion');
  await expect(row).toContainText('Protected');
  await page.getByRole('button', { name: 'Actions for before the exams' }).click();
  await expect(page.getByRole('menuitem', { name: 'Delete…' })).toBeDisabled();
  await page.keyboard.press('Escape');
  await choose(page, 'before the exams', 'Remove protection');
  await expect(row).not.toContainText('Protected');

  await choose(page, 'before the exams', 'Rename…');
  const edit = page.getByRole('dialog', { name: 'Rename the backup' });
  await expect(edit.getByLabel('Note')).toHaveValue('Asked for by the head teacher.');
  await edit.getByLabel('Name').fill('end of term');
  await edit.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('end of term')).toBeVisible();

  await choose(page, 'end of term', 'View contents');
  await expect(page.getByRole('heading', { name: 'end of term', exact: true })).toBeVisible();
  const contents = page.getByRole('region', { name: 'Contents' });
  await expect(contents.getByRole('row', { name: /^Attendance/ })).toContainText('100,000');
  const coming = page.waitForEvent('download');
  await contents.getByRole('button', { name: 'Courses of this backup as CSV' }).click();
  const file = readFileSync(await (await coming).path());
  expect(file.equals(await service.curl('/backup/download/courses'))).toBe(true);

  await page.getByRole('link', { name: 'Home' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Last backup:' })).toContainText('end of term');
  await page.getByRole('link', { name: 'Show backups' }).click();
  await choose(page, 'end of term', 'Delete…');
  const deletion = page.getByRole('dialog', { name: 'Delete the backup' });
  await deletion.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(deletion.getByRole('alert')).toContainText('This is the newest backup');
  await deletion.getByRole('button', { name: 'Delete anyway' }).click();
  await expect(page.getByText('There is no backup yet')).toBeVisible();
});

test('a backup is downloaded and uploaded, and a damaged file is refused', async ({
  page,
  ownSchool,
}, info) => {
  const service = await ownSchool();
  const id = await service.createBackup('created');
  await signIn(page, service, '#/archives');
  const coming = page.waitForEvent('download');
  await choose(page, 'created', 'Download');
  const download = await coming;
  const stored = readFileSync(await download.path());
  expect(download.suggestedFilename()).toBe(`campus-backup-${id}.json.zst`);
  expect(stored.equals(await service.curl(`/backup/archives/${id}/file`))).toBe(true);

  const damaged = info.outputPath('damaged.json.zst');
  writeFileSync(damaged, stored.subarray(0, stored.length - 100));
  const chosen = page.getByLabel('Backup file to upload');
  await chosen.setInputFiles(damaged);
  const refusal = page.getByRole('alert').filter({ hasText: 'damaged.json.zst could not be added' });
  await expect(refusal).toContainText('The archive is incomplete');
  const whole = info.outputPath('whole.json.zst');
  writeFileSync(whole, stored);
  await chosen.setInputFiles(whole);
  await expect(page.getByText('Complete: whole.json.zst was checked and added to the list.')).toBeVisible({
    timeout: 30_000,
  });
  const table = page.getByRole('table', { name: 'Backups' });
  await expect(table.getByText('Uploaded', { exact: true })).toBeVisible();
});

test('the certificate of a backup opens as a page with its counts', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const id = await service.createBackup('created');
  await signIn(page, service, '#/archives');
  const coming = page.waitForEvent('popup');
  await choose(page, 'created', 'Certificate');
  const certificate = await coming;
  await expect(certificate.getByRole('heading', { level: 1 })).toHaveText(`Certificate of the backup ${id}`);
  await expect(certificate.getByRole('row', { name: /^students/ })).toContainText(/1\s000/);
  await expect(page.getByRole('alert')).toBeHidden();
});

test('a backup and the current data are compared down to the fields', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const id = await service.createBackup('first');
  await service.api('/backup/clear', { table: 'payments' });
  await signIn(page, service, `#/compare/${id}`);
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await expect(page.getByText('5,000 differences in 1 table')).toBeVisible({ timeout: 30_000 });
  const row = page.getByRole('row', { name: /Payments/ }).first();
  await expect(row).toContainText('5,000');
  await page.getByRole('button', { name: 'Payments' }).click();
  const rows = page.getByRole('region', { name: 'Rows of Payments' });
  await expect(rows.getByText('ID 1', { exact: true })).toBeVisible();
  const first = rows.getByRole('listitem').first();
  await expect(first.getByText('Amount paid')).toBeVisible();
  // The student has a name and a registration number instead of an ID.
  await expect(
    first
      .locator('div')
      .filter({ hasText: /^Student/ })
      .locator('dd'),
  ).toHaveText(/^\D.* \(.+\)$/);
  // Only the rows near the screen are elements, and more are loaded near the end.
  await expect(rows.getByText('Showing 200 of 5,000 rows that differ.')).toBeVisible();
  expect(await rows.getByRole('listitem').count()).toBeLessThan(60);
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await expect(rows.getByText('Showing 400 of 5,000 rows that differ.')).toBeVisible();
  await expect(rows.getByText('ID 200', { exact: true })).toBeVisible();
  expect(await rows.getByRole('listitem').count()).toBeLessThan(60);
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download all differences as CSV' }).click();
  const csv = readFileSync(await (await coming).path(), 'utf8');
  expect(csv).toContain('payments,1,removed,amount_paid,');
  await page.getByLabel('To', { exact: true }).selectOption(id);
  await expect(page.getByText('Choose two different backups')).toBeVisible();
});

test('a backup that an undo needs is deleted only after a warning', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.api('/backup/clear', { table: 'payments' });
  await signIn(page, service, '#/archives');
  await choose(page, 'Before clearing payments', 'Delete…');
  const dialog = page.getByRole('dialog', { name: 'Delete the backup' });
  await expect(dialog.getByText('This backup is needed to undo a change')).toBeVisible();
  await expect(dialog.getByText('admin cleared payments. This can be undone until')).toBeVisible();
  await dialog.getByRole('button', { name: 'Delete anyway' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByRole('button', { name: 'Undo: clear payments' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'The clear was not undone' })).toBeVisible();
});
