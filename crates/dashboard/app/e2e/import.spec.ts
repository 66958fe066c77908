// Import: a file is planned, corrected, applied and undone. Nothing changes before the confirmation.
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';
import type { Service } from './service.ts';

/** A file for the file dialog. */
const csv = (name: string, ...lines: string[]) => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(`${lines.join('\r\n')}\r\n`),
});

/** The number below a heading of the plan. */
const count = (page: Page, label: string) =>
  page.getByRole('region', { name: 'Plan', exact: true }).locator('dl > div').filter({ hasText: label });

async function choose(page: Page, file: ReturnType<typeof csv>): Promise<void> {
  await page.getByLabel('File to import').setInputFiles(file);
  await expect(page.getByRole('heading', { name: `${file.name} into students` })).toBeVisible({
    timeout: 30_000,
  });
}

test('an import with errors is corrected, applied and undone', async ({ page, ownSchool }) => {
  const service = await ownSchool({ scale: 0 });
  await imported(service, 'Reg No,Student Name,Phone\nA-1,Ravi Kumar,+91 1\nA-2,Zoë Müller,+91 2\n');
  const before = await service.digests();
  const rows = (birthday: string) => [
    'Reg No,Student Name,Phone,DOB,Remarks',
    'A-1,Ravi Kumar,+91 98450 00001,,',
    `A-2,Zoë Müller,+91 2,${birthday},`,
    'A-3,Asha Rao,+91 98450 00002,31-12-2010,new',
  ];
  await signIn(page, service, '#/import');
  await choose(page, csv('students.csv', ...rows('30-02-2010')));
  await expect(count(page, 'Wrong')).toContainText('1');
  await expect(count(page, 'New')).toContainText('1');
  const errors = page.getByRole('region', { name: 'Errors' });
  await expect(errors.getByRole('row', { name: '3 DOB 30-02-2010' })).toBeVisible();
  await expect(page.getByLabel('Type import to confirm')).toBeHidden();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download the wrong rows' }).click();
  const wrong = readFileSync(await (await download).path(), 'utf8');
  expect(wrong).toContain('Reason');
  expect(wrong).toContain('A-2');
  expect(wrong).not.toContain('A-3');

  // A reload loses the file, but not the plan.
  await page.reload();
  await expect(errors).toBeVisible();
  await page.getByLabel('Corrected file').setInputFiles(csv('corrected.csv', ...rows('28-02-2010')));
  await expect(page.getByRole('heading', { name: 'corrected.csv into students' })).toBeVisible();
  const changes = page.getByRole('region', { name: 'Changes', exact: true });
  const changed = changes.getByRole('listitem').filter({ hasText: 'Row 2' });
  await expect(changed).toContainText('Changed');
  await expect(changed.locator('ins')).toHaveText('+91 98450 00001');
  await expect(changes.getByRole('listitem').filter({ hasText: 'Asha Rao' })).toContainText('Added');
  expect(await service.digests()).toEqual(before);

  const word = page.getByLabel('Type import to confirm');
  const confirm = page.getByRole('button', { name: 'Import 3 rows' });
  for (const typed of ['', 'Import', 'yes']) {
    await word.fill(typed);
    await confirm.click();
    await expect(page.getByText('Type exactly “import”')).toBeVisible();
  }
  await word.fill('import');
  await word.press('Enter');
  const report = page.getByRole('region', { name: 'Import report' });
  await expect(report.getByRole('status')).toContainText('Import complete: students', { timeout: 60_000 });
  expect(await service.api('/backup/stats')).toMatchObject({ students: 3 });
  await page.reload();
  await report.getByRole('button', { name: 'Undo: import students' }).click();
  await expect(report.getByText('3 rows are as before the import.')).toBeVisible({ timeout: 30_000 });
  expect(await service.digests()).toEqual(before);
  await page.getByRole('link', { name: 'Import another file' }).click();
  await expect(page.getByRole('heading', { name: 'Which table' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Not applied yet' })).toBeHidden();
});

test('wrong rows are left out, and another heading is matched', async ({ page, ownSchool }) => {
  const service = await ownSchool({ scale: 0 });
  await signIn(page, service, '#/import');
  await choose(
    page,
    csv('list.csv', 'Reg No,Name,Kontakt', 'A-1,Asha Rao,+91 1', 'A-2,,+91 2', 'A-3,Ravi Kumar,+91 3'),
  );
  const heading = page.getByRole('region', { name: 'Columns' }).getByLabel('Kontakt');
  await expect(heading).toHaveValue('');
  await heading.selectOption('Phone');
  await expect(page.getByText('This plan is outdated')).toBeVisible();
  await page.getByRole('button', { name: 'Make a new plan' }).click();
  await expect(page.getByText('This plan is outdated')).toBeHidden();
  await expect(heading).toHaveValue('phone');
  await page.getByRole('button', { name: 'Leave out the wrong rows' }).click();
  await expect(page.getByText('1 row will be left out')).toBeVisible();
  await page.getByLabel('Type import to confirm').fill('import');
  await page.getByRole('button', { name: 'Import 2 rows' }).click();
  const report = page.getByRole('region', { name: 'Import report' });
  await expect(report.getByRole('status')).toContainText('1 wrong row was left out', { timeout: 60_000 });
  const file = await service.curl('/backup/download/students?format=csv');
  expect(file.toString()).toContain('+91 3');
  await page.getByRole('link', { name: 'Import another file' }).click();
  await expect(page.getByRole('button', { name: 'Undo: import students' })).toBeVisible();
});

test('a plan survives a reload, can be discarded, and is made again if the data has changed', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool({ scale: 0 });
  const file = csv('list.csv', 'Reg No,Name', 'A-1,Asha Rao');
  await signIn(page, service, '#/import');
  await choose(page, file);
  await page.getByRole('link', { name: 'Import another file' }).click();
  await page.reload();
  await page.getByRole('link', { name: 'Show the plan of list.csv' }).click();
  await page.getByRole('button', { name: 'Discard the plan of list.csv' }).click();
  await expect(page.getByRole('heading', { name: 'Which table' })).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Not applied yet' })).toBeHidden();

  await choose(page, file);
  await imported(service, 'Reg No,Name\nB-1,Ravi Kumar\n');
  await page.getByLabel('Type import to confirm').fill('import');
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await expect(page.getByRole('alert')).toContainText('The data has changed since the preview');
  await page.getByRole('button', { name: 'Make a new plan' }).click();
  await expect(page.getByRole('alert')).toBeHidden();
  await page.getByLabel('Type import to confirm').fill('import');
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await expect(page.getByRole('region', { name: 'Import report' })).toBeVisible({ timeout: 60_000 });
  expect(await service.api('/backup/stats')).toMatchObject({ students: 2 });
});

/** Imports students without the page. */
async function imported(service: Service, text: string): Promise<void> {
  const answer = await service.request('POST', '/backup/imports/students', text, 'application/octet-stream');
  const { id, hash } = (await answer.json()) as { id: string; hash: string };
  await service.ended(
    await service.api(`/backup/imports/${id}/apply`, { plan_hash: hash, confirm: 'import' }),
  );
}

test('a refused file says why, and a template is downloaded', async ({ page, school }) => {
  await signIn(page, school, '#/import');
  await page.getByLabel('Table', { exact: true }).selectOption('Payments');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Template for payments as Excel' }).click();
  expect((await download).suggestedFilename()).toBe('payments_template.xlsx');
  await page.getByLabel('File to import').setInputFiles(csv('odd.csv', 'Foo,Bar', '1,2'));
  const refusal = page.getByRole('alert').filter({ hasText: 'odd.csv can’t be imported' });
  await expect(refusal).toContainText('The file has no headings of payments');
  await expect(refusal).not.toContainText('`');
  await refusal.getByRole('button', { name: 'Remove odd.csv from the list' }).click();
  await expect(refusal).toBeHidden();
});

test('an upload continues on other pages, and can be cancelled', async ({
  page,
  school,
  networkInFrontOf,
}) => {
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/import');
  network.bytesSentASecond = 100_000;
  await page
    .getByLabel('File to import')
    .setInputFiles(csv('large.csv', 'Reg No,Name', 'x'.repeat(4_000_000)));
  await expect(page.getByRole('progressbar', { name: 'Upload of large.csv' })).toBeVisible();
  await page.getByRole('link', { name: 'Clear' }).click();
  await expect(page.getByText('1 file is being read for an import')).toBeVisible();
  await page.getByRole('link', { name: 'Show', exact: true }).click();
  await page.getByRole('button', { name: 'Cancel the upload of large.csv' }).click();
  await expect(page.getByText('large.csv')).toBeHidden();
});
