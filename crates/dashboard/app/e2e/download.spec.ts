import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Download, Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

async function saved(page: Page, button: string): Promise<{ name: string; content: Buffer }> {
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: button, exact: true }).click();
  const download: Download = await coming;
  return { name: download.suggestedFilename(), content: readFileSync(await download.path()) };
}

/** The first line of the archive format has the time of creation, and the digest at the end covers it. */
const undated = (content: Buffer) =>
  content
    .toString('utf8')
    .replace(/^[^\n]*\n/, '')
    .replace(/,"digest":"[0-9a-f]+"\}\}\n?$/, '');

for (const [button, table] of [
  ['Students', 'students'],
  ['Courses', 'courses'],
  ['Payments', 'payments'],
  ['Attendance', 'attendance'],
] as const) {
  test(`${table} as CSV is the same file that curl gets`, async ({ page, school }) => {
    await signIn(page, school, '#/download');
    const { name, content } = await saved(page, `${button} as CSV`);
    expect(name).toMatch(new RegExp(`^${table}_backup_\\d\\d_\\d\\d_\\d{4}_\\d\\d_\\d\\d_\\d\\d\\.csv$`));
    expect(content.equals(await school.curl(`/backup/download/${table}`))).toBe(true);
    await expect(page.getByText(/^Complete:/)).toBeVisible();
  });
}

test('a workbook and the complete backup are the same files that curl gets', async ({ page, school }) => {
  await signIn(page, school, '#/download');
  const workbook = await saved(page, 'Students as Excel');
  expect(workbook.name).toMatch(/\.xlsx$/);
  const other = await school.curl('/backup/download/students?format=xlsx');
  expect(workbook.content.subarray(0, 4)).toEqual(other.subarray(0, 4));
  expect(workbook.content.length).toBe(other.length);
  const complete = await saved(page, 'Download everything');
  expect(complete.name).toMatch(/^complete_backup_.*\.json$/);
  expect(undated(complete.content)).toBe(undated(await school.curl('/backup/download/all')));
});

test('CSV files have the chosen style, and the browser remembers the choice', async ({ page, school }) => {
  await signIn(page, school, '#/download');
  const options = page.getByRole('region', { name: 'CSV files' });
  await options.getByLabel('Excel with amounts like 12,50').check();
  await options.getByLabel('Add the names of students').check();
  const european = '?delimiter=semicolon&decimals=comma';
  const payments = await saved(page, 'Payments as CSV');
  expect(payments.content.equals(await school.curl(`/backup/download/payments${european}&names=true`))).toBe(
    true,
  );
  expect(payments.content.toString('utf8')).toMatch(/^\uFEFFID;Student ID;Student Name;Amount Paid;/);
  await expect(page.getByText(/^Complete:/)).toBeVisible();
  const students = await saved(page, 'Students as CSV');
  expect(students.content.equals(await school.curl(`/backup/download/students${european}`))).toBe(true);

  await page.reload();
  await expect(options.getByLabel('Excel with amounts like 12,50')).toBeChecked();
  await options.getByLabel('Custom').check();
  await options.getByLabel('Separator').selectOption('Tab');
  await options.getByLabel('Dates').selectOption('2026-12-31');
  await options.getByLabel('Add the names of students').uncheck();
  const attendance = await saved(page, 'Attendance as CSV');
  const tabs = '?delimiter=tab&decimals=comma&dates=iso';
  expect(attendance.content.equals(await school.curl(`/backup/download/attendance${tabs}`))).toBe(true);
  await page.reload();
  await expect(options.getByLabel('Custom')).toBeChecked();
  await expect(options.getByLabel('Separator')).toHaveValue('tab');
});

test('an interrupted download is shown as failed, saves nothing and can be repeated', async ({
  page,
  school,
  networkInFrontOf,
}) => {
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/download');
  const names: string[] = [];
  page.on('download', (download) => names.push(download.suggestedFilename()));
  network.cutAfter = 60_000;
  await page.getByRole('button', { name: 'Attendance as CSV' }).click();
  const failure = page.getByRole('alert').filter({ hasText: 'Attendance as CSV was not downloaded' });
  await expect(failure).toContainText(/rows arrived|did not arrive completely/);
  await expect(failure).toContainText('Nothing was saved');
  expect(names).toEqual([]);
  network.cutAfter = Number.POSITIVE_INFINITY;
  const coming = page.waitForEvent('download');
  await failure.getByRole('button', { name: 'Download again' }).click();
  const content = readFileSync(await (await coming).path());
  expect(content.equals(await school.curl('/backup/download/attendance'))).toBe(true);
});

test('a slow download shows its progress and can be cancelled', async ({
  page,
  school,
  networkInFrontOf,
}) => {
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/download');
  await expect(page.getByText('100,000 rows')).toBeVisible();
  network.bytesASecond = 60_000;
  await page.getByRole('button', { name: 'Attendance as JSON' }).click();
  const progress = page.getByRole('progressbar', { name: 'Attendance as JSON' });
  await expect(progress).toHaveAttribute('aria-valuetext', /^\d+%$/);
  await expect(page.getByText(/% ?: [\d,]+ of 100,000 rows, .*B\/s, about .* left/)).toBeVisible();
  // The download continues while another page is shown.
  await page.getByRole('link', { name: 'Clear' }).click();
  await page.getByRole('link', { name: 'Download' }).click();
  await page.getByRole('button', { name: 'Cancel Attendance as JSON' }).click();
  await expect(page.getByText('cancelled. Nothing was saved.')).toBeVisible();
});

test.describe('a large file', () => {
  test('of a million rows is written directly to the chosen file', async ({ page, ownSchool }) => {
    test.slow();
    const service = await ownSchool({ scale: 10 });
    // The file dialog of the system can't be operated here. The browser's own file system has the same interface.
    await page.addInitScript(() => {
      Object.assign(window, {
        showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) =>
          (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }),
      });
    });
    await signIn(page, service, '#/download');
    await expect(page.getByText('1,000,000 rows')).toBeVisible();
    await page.getByRole('button', { name: 'Attendance as CSV' }).click();
    await expect(page.getByText(/^Complete:/)).toBeVisible({ timeout: 60_000 });
    const digest = await page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      const file = await (await folder.getFileHandle('attendance_backup.csv')).getFile();
      const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
      return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    });
    const other = await service.curl('/backup/download/attendance');
    expect(digest).toBe(createHash('sha256').update(other).digest('hex'));
  });

  test('that is interrupted leaves no file', async ({ page, ownSchool, networkInFrontOf }) => {
    const service = await ownSchool({ scale: 2 });
    const network = await networkInFrontOf(service);
    await page.addInitScript(() => {
      Object.assign(window, {
        showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) =>
          (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true }),
      });
    });
    await signIn(page, network, '#/download');
    await expect(page.getByText('200,000 rows')).toBeVisible();
    network.cutAfter = 60_000;
    await page.getByRole('button', { name: 'Attendance as CSV' }).click();
    await expect(page.getByRole('alert')).toContainText('Attendance as CSV was not downloaded');
    const left = await page.evaluate(async () => {
      const names: string[] = [];
      for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
      return names;
    });
    expect(left).toEqual([]);
  });

  test('is downloaded by the browser itself if it can’t write to files', async ({ page, ownSchool }) => {
    const service = await ownSchool({ scale: 2 });
    await page.addInitScript(() => {
      Reflect.deleteProperty(window, 'showSaveFilePicker');
    });
    await signIn(page, service, '#/download');
    await expect(page.getByText('200,000 rows')).toBeVisible();
    const { name, content } = await saved(page, 'Attendance as CSV');
    expect(name).toMatch(/^attendance_backup_.*\.csv$/);
    expect(content.equals(await service.curl('/backup/download/attendance'))).toBe(true);
    await expect(page.getByText('The whole file was sent.')).toBeVisible({
      timeout: 30_000,
    });
    expect(page.url()).not.toContain('link=');
  });
});
