import { expect, signIn, test } from './harness.ts';

test('everything is restored according to the preview, and the restore can be undone', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool();
  await service.createBackup('before the exams');
  const before = await service.digests();
  await service.api('/backup/clear', { table: 'all' });
  const cleared = await service.digests();
  await signIn(page, service, '#/restore');
  await page
    .getByLabel('Backup', { exact: true })
    .selectOption({ label: await labelOf(page, 'before the exams') });
  await expect(page.getByLabel('Insert missing rows only')).toBeChecked();
  await page.getByLabel('Replace everything with the backup').check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  const plan = page.getByRole('region', { name: 'Preview' });
  await expect(plan.getByRole('row', { name: /^Attendance/ })).toContainText('100,000', { timeout: 30_000 });
  const word = plan.getByLabel('Type restore to confirm');
  for (const wrong of ['', 'Restore', 'yes']) {
    await word.fill(wrong);
    await plan.getByRole('button', { name: 'Restore' }).click();
    await expect(plan.getByText('Type exactly “restore”')).toBeVisible();
  }
  expect(await service.digests()).toEqual(cleared);
  await word.fill('restore');
  await plan.getByRole('button', { name: 'Restore' }).click();
  const report = page.getByRole('region', { name: 'Restore report' });
  await expect(report.getByRole('status')).toContainText('Restore complete', { timeout: 60_000 });
  await expect(report.getByRole('row', { name: /^Students/ })).toContainText('1,000');
  expect(await service.digests()).toEqual(before);

  await report.getByRole('link', { name: 'Undo this restore…' }).click();
  await expect(page.getByLabel('Replace everything with the backup')).toBeChecked();
  await page.getByRole('button', { name: 'Show preview' }).click();
  await expect(plan.getByText(/will be deleted/)).toBeVisible({ timeout: 30_000 });
  await plan.getByLabel('Type restore to confirm').fill('restore');
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(report.getByRole('status')).toContainText('Restore complete', { timeout: 60_000 });
  expect(await service.digests()).toEqual(cleared);
});

test('one student and single tables are restored', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const id = await service.createBackup('created');
  const before = await service.digests();
  await service.api('/backup/clear', { table: 'attendance' });
  await signIn(page, service, `#/restore/${id}`);
  await page.getByLabel('Some tables').check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  await expect(page.getByText('Choose at least one table.')).toBeVisible();
  await page.getByLabel('One student').check();
  await page.getByLabel('Student', { exact: true }).fill('no such name');
  await expect(page.getByText('No student in this backup matches.')).toBeVisible();
  await page.getByRole('button', { name: 'Show preview' }).click();
  await expect(page.getByText('Choose the student.')).toBeVisible();
  await page.getByLabel('Student', { exact: true }).fill('7');
  await page.getByRole('radio', { name: /, ID 7$/ }).check();
  await page.getByLabel('Restore and keep new rows').check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  const plan = page.getByRole('region', { name: 'Preview' });
  await expect(plan.getByText(/^[1-9]\d+ rows will be added/)).toBeVisible({ timeout: 30_000 });
  await page.getByLabel('Some tables').check();
  await page.getByLabel('Attendance', { exact: true }).check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  await expect(plan.getByText(/^100,000 rows will be added/)).toBeVisible({ timeout: 30_000 });
  await plan.getByLabel('Type restore to confirm').fill('restore');
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByRole('region', { name: 'Restore report' })).toBeVisible({ timeout: 60_000 });
  expect(await service.digests()).toEqual(before);
});

test('a student is found by name and restored, and a backup by typing', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('before the exams');
  await service.createBackup('other');
  const before = await service.digests();
  const csv = (await service.curl('/backup/download/students?bom=false')).toString('utf8');
  // A name with a comma is quoted in the file.
  const line = csv.split('\r\n').find((each) => /^\d/.test(each) && !each.includes('"')) ?? '';
  const [, name = '', number = ''] = line.split(',');
  await service.api('/backup/clear', { table: 'students' });
  await signIn(page, service, '#/restore');
  await page.getByLabel('Find a backup').fill('exams');
  await expect(page.getByText('1 backup matches.')).toBeVisible();
  const select = page.getByLabel('Backup', { exact: true });
  await select.selectOption({ label: await labelOf(page, 'before the exams') });
  await page.getByLabel('One student').check();
  await page.getByLabel('Student', { exact: true }).fill(name.toUpperCase());
  await expect(page.getByRole('radio', { name: number })).toBeVisible();
  await page.getByLabel('Student', { exact: true }).fill(number);
  const student = page.getByRole('radio', { name });
  await student.check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  const plan = page.getByRole('region', { name: 'Preview' });
  await plan.getByLabel('Type restore to confirm').fill('restore', { timeout: 30_000 });
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByRole('region', { name: 'Restore report' })).toBeVisible({ timeout: 60_000 });
  const restored = (await service.curl('/backup/download/students?bom=false')).toString('utf8');
  expect(restored.trim().split('\r\n').slice(1)).toEqual([line]);
  expect(await service.digests()).not.toEqual(before);
});

test('a changed administrator password is named and needs a confirmation', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  service.command('admin', 'create', 'second');
  const id = await service.createBackup('created');
  service.command('admin', 'reset-password', 'second');
  const before = await service.digests();
  await signIn(page, service, `#/restore/${id}`);
  await page.getByLabel('Replace everything with the backup').check();
  await page.getByRole('button', { name: 'Show preview' }).click();
  const plan = page.getByRole('region', { name: 'Preview' });
  const named = plan.getByRole('note').filter({ hasText: 'Administrators whose password changes' });
  await expect(named).toContainText('second', { timeout: 30_000 });
  await plan.getByLabel('Type restore to confirm').fill('restore');
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(plan.getByText('Confirm the changes of administrators.')).toBeVisible();
  expect(await service.digests()).toEqual(before);
  await plan.getByLabel('I know these administrators').check();
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByRole('region', { name: 'Restore report' })).toBeVisible({ timeout: 60_000 });
  expect(await service.digests()).not.toEqual(before);
});

test('a restore whose service is killed changes nothing, and the page says so', async ({
  page,
  ownSchool,
}) => {
  test.slow();
  const service = await ownSchool({ scale: 4 });
  const id = await service.createBackup('created');
  await service.api('/backup/clear', { table: 'attendance' });
  const cleared = await service.digests();
  await signIn(page, service, `#/restore/${id}`);
  await page.getByRole('button', { name: 'Show preview' }).click();
  const plan = page.getByRole('region', { name: 'Preview' });
  await plan.getByLabel('Type restore to confirm').fill('restore', { timeout: 60_000 });
  await plan.getByRole('button', { name: 'Restore' }).click();
  await expect(page.getByTestId('job')).toBeVisible();
  await service.kill();
  await expect(page.getByText('The service does not answer at the moment.')).toBeVisible();
  await service.startAgain();
  const failure = page.getByRole('alert').filter({ hasText: 'Nothing was restored' });
  await expect(failure).toBeVisible({ timeout: 60_000 });
  expect(await service.digests()).toEqual(cleared);
  // The route contains the job, so a reload finds it, even after the service has restarted.
  await page.reload();
  await expect(failure).toBeVisible();
});

async function labelOf(page: import('@playwright/test').Page, words: string): Promise<string> {
  const option = page.getByLabel('Backup', { exact: true }).locator('option', { hasText: words }).first();
  return (await option.textContent()) ?? '';
}
