// Health: what is wrong in words, with the button that helps.
import { expect, signIn, test } from './harness.ts';

test('the page says what is wrong, and its buttons help', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/health');
  await expect(page.getByText('Nothing could be restored now')).toBeVisible();
  await expect(page.getByText('No backup is created automatically')).toBeVisible();
  await page.getByRole('button', { name: 'Back up now' }).click();
  await expect(page.getByText(/^The backup.* was created$/).first()).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(page.getByText('Nothing could be restored now')).toHaveCount(0);
  await expect(page.getByRole('region', { name: 'Facts' })).toContainText('Last backup');
  await page.getByRole('link', { name: 'Set up a schedule' }).click();
  await expect(page.getByRole('dialog', { name: 'Create a schedule' })).toBeVisible();
});

test('the health `failing` is shown, although its status is an error', async ({ page, school }) => {
  const fact = { archive_id: '2026-11-28T02-00-00Z-00000002', at: '2026-11-28T02:00:00Z' };
  await page.route('**/backup/health', (route) =>
    route.fulfill({
      status: 503,
      json: {
        status: 'failing',
        reasons: [{ code: 'backup_stale', severity: 'failing', detail: 'The last backup is old.' }],
        checked_at: '2026-11-30T09:00:00Z',
        last_backup: fact,
        backup_expected_since: '2026-11-30T02:00:00Z',
        last_verified: { ...fact, level: 'test_restore' },
        next_run: null,
        store: { reachable: true, free_bytes: 1_000_000, archives: 3, bytes: 5_000, retained: 0 },
        key: { encrypts: false, needs_identity: false, opens_last_backup: true },
        destinations: [],
      },
    }),
  );
  await signIn(page, school, '#/health');
  await expect(page.getByText('The data is not safe')).toBeVisible();
  await expect(page.getByText('The last backup is old.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Back up now' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Facts' })).toContainText('28 Nov 2026, 02:00 UTC');
  await expect(page.getByRole('region', { name: 'Facts' })).toContainText('New backups are not encrypted.');
});
