// Uploads and downloads while other pages are used.
import { writeFileSync } from 'node:fs';
import type { Download } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

test('of ten slow downloads three run, the others can be cancelled, and the page stays fast', async ({
  page,
  school,
  networkInFrontOf,
}) => {
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/download');
  await expect(page.getByText('100,000 rows')).toBeVisible();
  network.bytesASecond = 60_000;
  for (let count = 0; count < 10; count += 1) {
    await page.getByRole('button', { name: 'Attendance as JSON', exact: true }).click();
  }
  const list = page.getByRole('region', { name: 'Your downloads' });
  await expect(list.getByRole('progressbar')).toHaveCount(3);
  const waiting = list.getByRole('listitem').filter({ hasText: 'Queued' });
  await expect(waiting).toHaveCount(7);
  // The page still gets its answers.
  const answer = page.waitForResponse('**/backup/stats');
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('button', { name: 'Refresh' }).click();
  expect((await answer).ok()).toBe(true);
  await expect(page.getByRole('status').filter({ hasText: '10 downloads are running' })).toBeVisible();
  await page.getByRole('link', { name: 'Show', exact: true }).click();

  await waiting.first().getByRole('button', { name: 'Cancel Attendance as JSON' }).click();
  await expect(list.getByText('cancelled. Nothing was saved.')).toHaveCount(1);
  await expect(waiting).toHaveCount(6);
  const running = list.getByRole('listitem').filter({ has: page.getByRole('progressbar') });
  await running.first().getByRole('button', { name: 'Cancel Attendance as JSON' }).click();
  await expect(waiting).toHaveCount(5);
  await expect(running).toHaveCount(3);
});

test('downloads by the browser count towards the limit, and their outcome is shown', async ({
  page,
  school,
  networkInFrontOf,
}) => {
  const network = await networkInFrontOf(school);
  await page.addInitScript(() => {
    Reflect.deleteProperty(window, 'showSaveFilePicker');
  });
  // So many rows that the page would not keep the file in memory.
  await page.route('**/backup/stats', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), attendance: 300_000 } });
  });
  const downloads: Download[] = [];
  page.on('download', (download) => downloads.push(download));
  await signIn(page, network, '#/download');
  await expect(page.getByText('300,000 rows')).toBeVisible();
  network.holding = /^GET \/backup\/download\/attendance/;
  for (let count = 0; count < 4; count += 1) {
    await page.getByRole('button', { name: 'Attendance as JSON', exact: true }).click();
  }
  const list = page.getByRole('region', { name: 'Your downloads' });
  const running = list.getByRole('listitem').filter({ hasText: 'Your browser is downloading this file' });
  const waiting = list.getByRole('listitem').filter({ hasText: 'Queued' });
  await expect(running).toHaveCount(3);
  await expect(waiting).toHaveCount(1);
  await expect.poll(() => downloads.length).toBe(3);

  await downloads[0]?.cancel();
  const broken = list.getByRole('alert').filter({ hasText: 'Attendance as JSON was not downloaded' });
  await expect(broken).toContainText('It ended before the whole file was sent', { timeout: 30_000 });
  await expect(waiting).toHaveCount(0);
  await expect.poll(() => downloads.length).toBe(4);
  await expect(running).toHaveCount(3);

  // Removing a running download starts the next one.
  await broken.getByRole('button', { name: 'Download again' }).click();
  await expect(waiting).toHaveCount(1);
  await running.first().getByRole('button', { name: 'Remove Attendance as JSON from the list' }).click();
  await expect(waiting).toHaveCount(0);
  await expect.poll(() => downloads.length).toBe(5);
  network.holding = undefined;
  await expect(list.getByText('The whole file was sent.')).toHaveCount(3, { timeout: 30_000 });
  const whole = await Promise.all(downloads.slice(1).map((download) => download.failure()));
  expect(whole).toEqual([null, null, null, null]);
});

test('a page whose files did not arrive says so, and loads on request', async ({ page, school, context }) => {
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  await context.setOffline(true);
  await page.getByRole('link', { name: 'Clear' }).click();
  const failure = page.getByRole('alert').filter({ hasText: 'This page can’t be loaded' });
  await expect(failure).toContainText('Its files did not arrive');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await expect(failure).toBeVisible();
  // Another page does not help, and the message is the same.
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('link', { name: 'Clear' }).click();
  await expect(failure).toBeVisible();
  await context.setOffline(false);
  const again = failure.getByRole('button', { name: 'Try again' });
  const heading = page.getByRole('heading', { name: 'Clear', exact: true });
  // The page may load automatically when the network returns.
  if (!(await heading.isVisible())) await again.click({ timeout: 1_000 }).catch(() => undefined);
  await expect(heading).toBeVisible();
  // The style sheet was loaded, too.
  await expect(page.getByRole('main').getByRole('listitem').first()).toHaveCSS('display', 'flex');
});

test('an error of the file dialog is shown, and the download can be repeated', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool({ scale: 2 });
  await page.addInitScript(() => {
    let isFirst = true;
    Object.assign(window, {
      showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) => {
        if (!isFirst) {
          const folder = await navigator.storage.getDirectory();
          return folder.getFileHandle(`my ${suggestedName}`, { create: true });
        }
        isFirst = false;
        throw new DOMException('The folder is protected.', 'SecurityError');
      },
    });
  });
  await signIn(page, service, '#/download');
  await expect(page.getByText('200,000 rows')).toBeVisible();
  await page.getByRole('button', { name: 'Attendance as CSV' }).click();
  const failure = page.getByRole('alert').filter({ hasText: 'Attendance as CSV was not downloaded' });
  await expect(failure).toContainText('The folder is protected.');
  await failure.getByRole('button', { name: 'Download again' }).click();
  // The list shows the name of the saved file.
  await expect(page.getByText('my attendance_backup.csv', { exact: true })).toBeVisible({ timeout: 30_000 });
});

test.describe('an upload', () => {
  test('continues on other pages, and a reload asks for a confirmation', async ({
    page,
    school,
    networkInFrontOf,
  }, info) => {
    const network = await networkInFrontOf(school);
    await signIn(page, network, '#/archives');
    const file = info.outputPath('large.json');
    writeFileSync(file, Buffer.alloc(16_000_000, 'x'));
    const other = info.outputPath('other.json');
    writeFileSync(other, 'no archive');
    network.bytesSentASecond = 200_000;
    await page.getByLabel('Backup file to upload').setInputFiles([file, other]);
    await expect(page.getByRole('progressbar', { name: 'Upload of large.json' })).toBeVisible();
    await expect(page.getByText('other.json: queued')).toBeVisible();
    await page.getByRole('link', { name: 'Clear' }).click();
    await expect(page.getByRole('status').filter({ hasText: '2 uploads are running' })).toBeVisible();
    const asked = page.waitForEvent('dialog');
    await page.evaluate(() => setTimeout(() => window.location.reload()));
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await page.getByRole('link', { name: 'Show', exact: true }).click();
    await expect(page.getByRole('progressbar', { name: 'Upload of large.json' })).toBeVisible();
    await page.getByRole('button', { name: 'Cancel the upload of large.json' }).click();
    network.bytesSentASecond = Number.POSITIVE_INFINITY;
    const refusal = page.getByRole('alert').filter({ hasText: 'other.json could not be added' });
    await expect(refusal).toBeVisible();
    await page.getByRole('button', { name: 'Remove other.json from the list' }).click();
    await expect(refusal).toBeHidden();
  });

  test('without an answer is looked up, and a file that is dropped elsewhere is not opened', async ({
    page,
    school,
    networkInFrontOf,
  }) => {
    const network = await networkInFrontOf(school);
    await signIn(page, network, '#/archives');
    const drop = (target: string) =>
      page.evaluate((selector) => {
        const data = new DataTransfer();
        data.items.add(new File(['no archive'], 'dropped.json'));
        const at = document.querySelector(selector);
        const events = ['dragover', 'drop'].map(
          (type) => new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }),
        );
        // The browser would leave the page and open a file whose event is not prevented.
        return events.map((event) => !at?.dispatchEvent(event));
      }, target);
    await expect(page.getByRole('heading', { name: 'Backups', exact: true })).toBeVisible();
    await page.getByRole('link', { name: 'Download' }).click();
    await expect(page.getByRole('heading', { name: 'Download', exact: true })).toBeVisible();
    for (const beside of ['h1', 'header', 'html']) expect(await drop(beside)).toEqual([true, true]);
    await expect(page.getByText('dropped.json')).toHaveCount(0);
    await page.getByRole('link', { name: 'Backups', exact: true }).click();
    await expect(page.getByTestId('drop')).toBeVisible();
    // The file arrives, but its answer and the first lookups are lost. It may be dropped anywhere on the page.
    network.losing = { request: /upload|idempotency_key/, loss: 'gateway timeout' };
    await drop('h1');
    await expect(page.getByText('Not known yet: Upload dropped.json')).toBeVisible();
    network.losing = undefined;
    const refusal = page.getByRole('alert').filter({ hasText: 'dropped.json could not be added' });
    await expect(refusal).toContainText('not an archive');
  });
});
