// One list of all running, failed and finished work, on every page.
import { expect, signIn, test } from './harness.ts';

test('running, failed and finished work is in one list, and a reload does not lose it', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const service = await ownSchool();
  await service.createBackup('this morning');
  const { items } = await service.api<{ items: Record<string, unknown>[] }>('/backup/jobs');
  const failed = {
    ...items[0],
    id: '01a21323-465d-77be-a326-abc1544e35d2',
    state: 'failed',
    ended_at: new Date().toISOString(),
    result: null,
    error: { code: 'insufficient_storage', detail: 'There is no room for the backup.' },
  };
  await page.route(/\/backup\/jobs\?state=failed/, (route) =>
    route.fulfill({ json: { items: [failed], total: 1, limit: 10, offset: 0 } }),
  );
  const network = await networkInFrontOf(service);
  await signIn(page, network, '#/download');
  await expect(page.getByText('100,000 rows')).toBeVisible();
  network.bytesASecond = 60_000;
  await page.getByRole('button', { name: 'Attendance as JSON' }).click();
  await expect(page).toHaveTitle(/^\d+% · Download · Campus backup$/);
  await page.getByRole('link', { name: 'Clear', exact: true }).click();
  const button = page.getByRole('button', { name: /^Activity/ });
  await expect(button).toHaveAccessibleName('Activity, 1 running, 1 failure');
  await button.click();
  const list = page.getByRole('dialog', { name: 'Activity' });
  const running = list.getByRole('region', { name: 'Running' });
  await expect(running.getByRole('progressbar', { name: 'Attendance as JSON' })).toBeVisible();
  await running.getByRole('button', { name: 'Cancel Attendance as JSON' }).click();
  network.bytesASecond = Number.POSITIVE_INFINITY;
  const finished = list.getByRole('region', { name: 'Finished' });
  await expect(finished.getByText('cancelled. Nothing was saved.')).toBeVisible();
  await expect(finished.getByText('The backup “\u2068this morning\u2069” was created')).toBeVisible();
  const failures = list.getByRole('region', { name: 'Failed since yesterday' });
  await expect(failures).toContainText('No backup was created');
  await failures.getByRole('button', { name: 'Try again' }).click();
  await expect(finished.getByText(/^The backup .* was created$/)).toHaveCount(2, { timeout: 30_000 });
  await finished.getByRole('link', { name: 'Details' }).last().click();
  await expect(list).toBeHidden();
  await expect(page.getByRole('heading', { name: 'this morning', exact: true })).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: 'Activity, 1 failure' }).click();
  await expect(failures).toBeVisible();
  await failures.getByRole('button', { name: 'Dismiss all' }).click();
  await expect(failures).toBeHidden();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'Activity', exact: true })).toBeFocused();
});
