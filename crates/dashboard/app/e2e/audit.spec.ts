// The audit: who did what, found by filters, exported and verified.
import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

const events = (page: Page) => page.getByRole('table', { name: 'Events' });

test('events are found by filters, and their details are in words', async ({ page, ownSchool }) => {
  // On a busy machine the school alone takes most of a minute.
  test.slow();
  const school = await ownSchool({ scale: 1 });
  const archive = await school.createBackup('start of term');
  await school.api('/backup/clear', { table: 'attendance' });
  await signIn(page, school, '#/audit');
  await expect(events(page)).toContainText('Created a backup');
  await expect(events(page)).toContainText('Signed in');
  await expect(events(page)).toContainText(/UTC/);

  const filters = page.getByRole('search', { name: 'Filters' });
  await filters.getByLabel('Event').selectOption('Clear');
  await expect(events(page).getByRole('row')).toHaveCount(2);
  await expect(events(page)).toContainText(/Cleared attendance: [\d,]+ rows deleted/);
  const clear = page.getByRole('button', { name: 'Cleared attendance' });
  await clear.focus();
  await page.keyboard.press('Enter');
  const details = page.getByRole('dialog', { name: 'Cleared attendance' });
  await expect(details).toContainText(/admin\S*, signed in/);
  await expect(details).toContainText('127.0.0.1');
  await expect(details).toContainText('Deleted rows');
  await expect(details).toContainText('Safety backup');
  await expect(details.getByRole('link', { name: 'Show clears' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(details).toBeHidden();
  await expect(clear).toBeFocused();

  await filters.getByLabel('Event').selectOption('All events');
  await filters.getByLabel('User').fill('nobody');
  await expect(page.getByText('No event matches.')).toBeVisible();
  await filters.getByLabel('User').fill('admin');
  await expect(events(page)).toContainText('Created a backup');
  await filters.getByLabel('From').fill('2099-01-01');
  await expect(page.getByText('No event matches.')).toBeVisible();
  await filters.getByRole('button', { name: 'Reset filters' }).click();
  await filters.getByLabel('Event').selectOption('Backup');
  await page.getByRole('button', { name: 'Created a backup' }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Show the backup' }).click();
  await expect(page).toHaveURL(new RegExp(`#/archives/${archive}$`));
});

test('an export has the events of the filter', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await school.createBackup('start of term');
  await signIn(page, school, '#/audit');
  await page.getByLabel('Event', { exact: true }).selectOption('Backup');
  await expect(events(page).getByRole('row')).toHaveCount(2);
  const saved = async (button: string) => {
    const coming = page.waitForEvent('download');
    await page.getByRole('button', { name: button }).click();
    const download = await coming;
    return { name: download.suggestedFilename(), text: readFileSync(await download.path(), 'utf8') };
  };
  const csv = await saved('Export as CSV');
  expect(csv.name).toBe('audit.csv');
  expect(csv.text.trim().split('\r\n')).toHaveLength(2);
  expect(csv.text).toContain(',backup,succeeded,admin,');
  const lines = await saved('Export as JSON Lines');
  expect(lines.name).toBe('audit.jsonl');
  const [line = '', ...others] = lines.text.trim().split('\n');
  expect(others).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({ event: 'backup', result: 'succeeded', username: 'admin' });
  // The exports are events, too.
  await page.getByLabel('Event', { exact: true }).selectOption('Export of the audit');
  await expect(events(page).getByRole('row')).toHaveCount(3);
});

test('the audit is verified, and a changed event is shown in red', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/audit');
  const verification = page.getByRole('region', { name: 'Verification of the audit' });
  await expect(verification).toContainText('Not verified in this session');
  await verification.getByRole('button', { name: 'Verify the audit' }).click();
  await expect(verification).toContainText('The audit is complete and unchanged');
  await expect(verification).toContainText(/Verified: .*UTC, \d+ events? in/);
  // The mark stays while other pages are shown.
  await page.getByRole('link', { name: 'Tokens' }).click();
  await page.getByRole('link', { name: 'Audit', exact: true }).click();
  await expect(verification.getByText('Verified', { exact: true })).toBeVisible();

  // The tests of the service change the database. Here the answer is enough.
  await page.route('**/backup/audit/verify', (route) =>
    route.fulfill({
      json: {
        ok: false,
        events: 2,
        last_id: 2,
        last_hash: '0'.repeat(64),
        deleted_until: 0,
        first_bad: 2,
        fault: 'changed',
        seconds: 0.01,
        events_per_second: 200,
      },
    }),
  );
  await verification.getByRole('button', { name: 'Verify the audit' }).click();
  await expect(verification.getByRole('alert')).toContainText('The audit is not intact');
  await expect(verification).toContainText('Event 2, or the one before it, was changed.');
  await expect(verification).toContainText('Not intact');
  const noted = verification.getByLabel('An event that you have noted before');
  await noted.fill('2');
  await expect(verification).toContainText('the 64 digits of the hash');
  await expect(verification.getByRole('button', { name: 'Verify the audit' })).toBeDisabled();
});

test('a long audit is shown page by page', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  for (let count = 0; count < 12; count += 1) {
    await Promise.all(Array.from({ length: 5 }, () => school.request('GET', '/backup/download/students')));
  }
  await signIn(page, school, '#/audit');
  await expect(page.getByText(/^1 to 50 of \d+ events$/)).toBeVisible();
  await expect(events(page).getByRole('row')).toHaveCount(51);
  await page.getByRole('button', { name: 'Page 3' }).click();
  await expect(page.getByText(/^101 to \d+ of \d+ events$/)).toBeVisible();
  await expect(events(page)).toContainText('Created the account');
});

test('home shows the last events, and without the right the last jobs', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 1 });
  await school.createBackup('start of term');
  await signIn(page, school);
  const happened = page.getByRole('region', { name: 'Recent events' });
  await expect(happened).toContainText(/admin\S* created a backup: [\d,]+ rows/);
  await expect(happened).not.toContainText('signed in');
  await happened.getByRole('link', { name: 'Show the audit' }).click();
  await expect(page.getByRole('heading', { name: 'Audit', exact: true })).toBeVisible();

  const refusal = {
    type: 'urn:campus-backup:problem:forbidden',
    title: 'Not allowed',
    status: 403,
    detail: 'This is not allowed.',
    code: 'forbidden',
    request_id: 'test',
  };
  await page.route('**/backup/audit?*', (route) =>
    route.fulfill({ status: 403, contentType: 'application/problem+json', body: JSON.stringify(refusal) }),
  );
  await page.goto(`${school.url}/backup/`);
  await expect(happened).toContainText('was created');
  await expect(happened.getByRole('link', { name: 'Show the audit' })).toHaveCount(0);
});
