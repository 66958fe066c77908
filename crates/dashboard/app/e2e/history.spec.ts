// The history: charts of the rows and sizes of backups, and the runs without a backup.
import { expect, signIn, test } from './harness.ts';

test('the history shows each backup, as charts and as a table', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await signIn(page, service, '#/history');
  await expect(page.getByText('This service has created no backup in this time.')).toBeVisible();
  const first = await service.createBackup('first');
  await service.api('/backup/clear', { table: 'payments' });
  await service.createBackup('second');
  await page.reload();
  const size = page.getByRole('region', { name: 'Size of the backups' });
  await expect(size.getByRole('img')).toHaveAccessibleName(/^Size of the backups: 2 backups, from /);
  const payments = page.getByRole('region', { name: 'Rows of Payments' });
  await expect(payments.getByRole('img')).toHaveAccessibleName(/from Payments: 5,000 rows on .* 0 rows on /);
  // The canvas has a size, and the tooltip follows the pointer.
  const canvas = payments.locator('canvas');
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  if (!box) throw new Error('the chart has no place');
  await page.mouse.move(box.x + box.width - 16, box.y + box.height / 2);
  await expect(payments.getByText('Payments: 0 rows')).toBeVisible();
  await page.getByRole('button', { name: 'Show the numbers as a table' }).click();
  const table = page.getByRole('region', { name: 'Numbers of the history' });
  await expect(table.getByRole('row')).toHaveCount(3);
  await expect(table.getByRole('row').nth(2)).toContainText('5,000');
  await table.getByRole('link').last().click();
  await expect(page).toHaveURL(new RegExp(`#/archives/${first}$`));
});

test('failed and missed runs are marked with the reason', async ({ page, ownSchool }) => {
  const service = await ownSchool({ scale: 0 });
  await service.createBackup('first');
  await page.route('**/backup/history*', async (route) => {
    const answer = await route.fetch();
    const json = (await answer.json()) as { runs: unknown[] };
    const run = { schedule_id: 1, label: 'nightly' };
    const yesterday = new Date(Date.now() - 86_400_000).toISOString();
    const before = new Date(Date.now() - 2 * 86_400_000).toISOString();
    const error = { code: 'insufficient_storage', detail: 'There is no room left on the disk.' };
    json.runs = [
      { ...run, at: before, state: 'failed', error },
      { ...run, at: yesterday, state: 'missed', error: null },
    ];
    await route.fulfill({ response: answer, json });
  });
  await signIn(page, service, '#/history');
  await expect(page.getByText('Failed run (1)')).toBeVisible();
  await expect(page.getByText('Missed run (1)')).toBeVisible();
  await page.getByText('90 days').click();
  await expect(page).toHaveURL(/#\/history\?days=90$/);
  await page.reload();
  await expect(page.getByRole('radio', { name: '90 days' })).toBeChecked();
  await page.getByRole('button', { name: 'Show the numbers as a table' }).click();
  const table = page.getByRole('region', { name: 'Numbers of the history' });
  await expect(table).toContainText('failed. There is no room left on the disk.');
  await expect(table).toContainText('was missed');
});
