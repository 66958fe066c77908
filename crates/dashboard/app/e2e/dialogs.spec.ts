// The content of a dialog belongs to one opening, and all of it is reachable on small screens.
import { expect, signIn, test } from './harness.ts';

test('a dialog keeps neither discarded text nor the error of another backup', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  await service.createBackup('second');
  await signIn(page, service, '#/archives');
  const choose = async (archive: string, action: string) => {
    await page.getByRole('button', { name: `Actions for ${archive}` }).click();
    // The previous menu may still be closing.
    const menu = page.getByRole('menu', { name: `Actions for ${archive}` });
    await menu.getByRole('menuitem', { name: action, exact: true }).click();
  };
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Create a backup…' }).click();
  await dialog.getByLabel('Name').fill('discarded');
  await dialog.getByLabel(/^Protect from/).check();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Create a backup…' }).click();
  await expect(dialog.getByLabel('Name')).toHaveValue('');
  await expect(dialog.getByLabel(/^Protect from/)).not.toBeChecked();
  await page.keyboard.press('Escape');

  await choose('first', 'Rename…');
  await dialog.getByLabel('Name').fill('discarded');
  await page.keyboard.press('Escape');
  await choose('first', 'Rename…');
  await expect(dialog.getByLabel('Name')).toHaveValue('first');
  await page.route('**/backup/archives/*', (route) =>
    route.request().method() === 'GET'
      ? route.continue()
      : route.fulfill({
          status: 422,
          contentType: 'application/problem+json',
          body: JSON.stringify({
            type: 'urn:campus-backup:problem:invalid_field',
            title: 'A field is not as it must be',
            status: 422,
            detail: 'The label is refused.',
            code: 'invalid_field',
            request_id: 'test',
          }),
        }),
  );
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await page.keyboard.press('Escape');
  await choose('first', 'Rename…');
  await expect(dialog.getByLabel('Name')).toHaveValue('first');
  await expect(dialog.getByRole('alert')).toHaveCount(0);
  await page.keyboard.press('Escape');

  await page.route('**/backup/download-links', (route) => route.abort());
  await choose('first', 'View contents');
  await page.getByRole('button', { name: 'Courses of this backup as CSV' }).click();
  const contents = page.getByRole('region', { name: 'Contents' });
  await expect(contents.getByRole('alert')).toBeVisible();
  await page.getByRole('link', { name: 'All backups' }).click();
  await choose('second', 'View contents');
  await expect(page.getByRole('heading', { name: 'second', exact: true })).toBeVisible();
  await expect(contents.getByRole('alert')).toHaveCount(0);
  await page.getByRole('link', { name: 'All backups' }).click();

  // The list shows only the error of the last action.
  await choose('first', 'Download');
  const row = page.getByRole('row').filter({ hasText: 'first' });
  await expect(row.getByRole('alert')).toBeVisible();
  await choose('first', 'Verify');
  await expect(row.getByRole('alert')).toHaveCount(0);
});

test('the buttons of a dialog are visible on a low screen', async ({ page, school }) => {
  await page.setViewportSize({ width: 1366, height: 640 });
  await signIn(page, school, '#/clear');
  await page.getByRole('button', { name: 'Clear everything…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear everything' });
  const word = dialog.getByLabel('Type all to confirm');
  await expect(word).toBeFocused();
  const clear = dialog.getByRole('button', { name: /^Clear [\d,]+ rows$/ });
  // At the top and at the end of the dialog.
  for (const top of [0, 10_000]) {
    await dialog.evaluate((element, top) => {
      for (const each of [element, ...element.querySelectorAll('*')]) each.scrollTop = top;
    }, top);
    await expect(clear).toBeInViewport({ ratio: 1 });
    await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeInViewport({ ratio: 1 });
  }
  await expect(word).toBeInViewport({ ratio: 1 });
});

test('no column of a plan is cut off on a phone', async ({ page, ownSchool }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const service = await ownSchool();
  const id = await service.createBackup('first');
  await service.api('/backup/clear', { table: 'attendance' });
  await signIn(page, service, `#/restore/${id}`);
  await page.getByRole('button', { name: 'Show preview' }).click();
  const table = page.getByRole('region', { name: 'Changes by table' });
  const row = table.getByRole('row', { name: /^Attendance/ });
  await expect(row.getByRole('cell')).toHaveText(['–', '100,000', '–', '–', '100,000'], { timeout: 30_000 });
  const overflow = await table.evaluate((element) => element.scrollWidth - element.clientWidth);
  expect(overflow).toBe(0);
  await row.scrollIntoViewIfNeeded();
  for (const cell of await row.getByRole('cell').all()) await expect(cell).toBeInViewport({ ratio: 1 });
});
