// Requirements of all pages: no violation that axe finds, no overflow on a phone, keyboard access, the language of the
// page.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import type { AxeResults } from 'axe-core';
import { expect, PAGES, signIn, test } from './harness.ts';

const { source } = createRequire(import.meta.url)('axe-core') as { source: string };
// DASHBOARD_SCREENSHOTS=folder stores a screenshot of each page.
const folder = process.env.DASHBOARD_SCREENSHOTS;

async function expectNoViolation(page: Page): Promise<void> {
  await page.evaluate(source);
  const results = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run: (root: Document, options: object) => Promise<AxeResults> };
    };
    return axe.run(document, { resultTypes: ['violations'] });
  });
  const found = results.violations.map(({ id, nodes }) => ({
    id,
    at: nodes.map((node) => `${node.html} ${node.failureSummary}`),
  }));
  expect(found).toEqual([]);
}

async function expectNoOverflow(page: Page): Promise<void> {
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content).toBeLessThanOrEqual(width ?? 0);
}

async function checkPage(page: Page, name: string): Promise<void> {
  // Animated elements do not have their final position and color yet.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((each) => each.finished.catch(() => undefined))),
  );
  await page.evaluate(() => window.scrollTo(0, 0));
  await expectNoOverflow(page);
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }
  await expectNoViolation(page);
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [390, 1440]) {
    test.describe(`${colorScheme}, ${width} pixels wide`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' } as object);

      test('signing in', async ({ page, school }) => {
        await page.goto(`${school.url}/backup/`);
        await expect(page.getByLabel('User name')).toBeVisible();
        await checkPage(page, `sign-in-${colorScheme}-${width}`);
        await page.getByLabel('User name').fill('admin');
        await page.getByLabel('Password', { exact: true }).fill('wrong');
        await page.getByRole('button', { name: 'Sign in' }).click();
        await expect(page.getByRole('alert')).toBeVisible();
        await checkPage(page, `sign-in-refused-${colorScheme}-${width}`);
      });

      for (const { name, at, heading } of PAGES) {
        test(name, async ({ page, school }) => {
          await signIn(page, school, at);
          await expect(page.getByRole('heading', { name: heading, exact: true })).toBeVisible();
          if (['overview', 'download'].includes(name)) {
            await expect(page.getByText(/1,000 rows|Counted at/).first()).toBeVisible();
          }
          await expect(page.getByLabel(/^Loading/)).toHaveCount(0);
          await checkPage(page, `${name}-${colorScheme}-${width}`);
        });
      }

      test('backups, a preview, a report and a comparison', async ({ page, ownSchool }) => {
        const school = await ownSchool();
        const id = await school.createBackup('start of term');
        await school.api(`/backup/archives/${id}/verify`, { level: 'test_restore' });
        await school.api('/backup/clear', { table: 'attendance' });
        await school.createBackup('end of term');
        await signIn(page, school, '#/archives');
        await expect(page.getByText('Restore tested')).toBeVisible({ timeout: 30_000 });
        await checkPage(page, `archives-full-${colorScheme}-${width}`);
        await page.getByRole('button', { name: 'Actions for start of term' }).click();
        await checkPage(page, `archives-menu-${colorScheme}-${width}`);
        await page.getByRole('menuitem', { name: 'View contents' }).click();
        await expect(page.getByRole('heading', { name: 'start of term', exact: true })).toBeVisible();
        await page.getByRole('button', { name: 'First rows of students' }).click();
        await expect(page.getByRole('columnheader', { name: 'Full Name' })).toBeVisible();
        await checkPage(page, `archive-${colorScheme}-${width}`);
        await page.getByRole('link', { name: 'All backups' }).click();
        await page.getByRole('button', { name: 'Filters' }).click();
        await page.getByLabel('Select start of term').check();
        await checkPage(page, `archives-filters-${colorScheme}-${width}`);
        await page.getByRole('button', { name: 'Delete the selected backups…' }).click();
        await expect(page.getByLabel('Type delete to confirm')).toBeVisible();
        await checkPage(page, `archives-delete-${colorScheme}-${width}`);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Create a backup…' }).click();
        await checkPage(page, `archives-create-${colorScheme}-${width}`);
        await page.goto(`${school.url}/backup/#/compare/${id}`);
        await page.getByRole('button', { name: 'Compare', exact: true }).click();
        await page.getByRole('button', { name: 'Attendance' }).click({ timeout: 30_000 });
        await expect(page.getByText('ID 1', { exact: true })).toBeVisible({ timeout: 30_000 });
        await checkPage(page, `compare-full-${colorScheme}-${width}`);
        await page.goto(`${school.url}/backup/#/restore/${id}`);
        await page.getByRole('button', { name: 'Show preview' }).click();
        const word = page.getByLabel('Type restore to confirm');
        await word.fill('restor', { timeout: 30_000 });
        await word.press('Enter');
        await checkPage(page, `restore-plan-${colorScheme}-${width}`);
        await word.fill('restore');
        await word.press('Enter');
        await expect(page.getByRole('region', { name: 'Restore report' })).toBeVisible({ timeout: 60_000 });
        await checkPage(page, `restore-report-${colorScheme}-${width}`);
        await page.goto(`${school.url}/backup/#/`);
        await expect(page.getByText('Last backup:')).toBeVisible();
        await checkPage(page, `overview-full-${colorScheme}-${width}`);
        await page.goto(`${school.url}/backup/#/history`);
        await expect(page.getByRole('region', { name: 'Size of the backups' })).toBeVisible();
        await page.getByRole('button', { name: 'Show the numbers as a table' }).click();
        await checkPage(page, `history-full-${colorScheme}-${width}`);
        await page.goto(`${school.url}/backup/#/clear`);
        await expect(page.getByRole('heading', { name: 'Can be undone' })).toBeVisible();
        await checkPage(page, `clear-recent-${colorScheme}-${width}`);
      });

      test('an import with errors, its confirmation and its report', async ({ page, ownSchool }) => {
        const school = await ownSchool();
        await signIn(page, school, '#/import');
        const lines = [
          'List of the new students,,,,',
          'Reg No,Student Name,Phone,DOB,Remarks',
          'REG-NEW-1,Asha Rao,+91 98450 12345,31-12-2010,a note',
          'REG-NEW-2,Ravi Kumar,+91 98450 54321,30-02-2010,',
          'REG-NEW-3,,+91 98450 00000,01-01-2011,',
        ];
        const choose = (label: string, name: string, text: string) =>
          page.getByLabel(label).setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
        await choose('File to import', 'odd.csv', 'Foo,Bar\n1,2\n');
        await expect(page.getByRole('alert')).toBeVisible();
        await page.getByRole('button', { name: 'Options' }).click();
        await checkPage(page, `import-refused-${colorScheme}-${width}`);
        await page.getByRole('button', { name: 'Remove odd.csv from the list' }).click();
        await choose('File to import', 'new students.csv', `${lines.join('\n')}\n`);
        await expect(page.getByRole('region', { name: 'Errors' })).toBeVisible();
        await page.getByRole('region', { name: 'Columns' }).getByLabel('Remarks').selectOption('Address');
        await checkPage(page, `import-errors-${colorScheme}-${width}`);
        await page.getByRole('button', { name: 'Leave out the wrong rows' }).click();
        const word = page.getByLabel('Type import to confirm');
        await word.fill('imprt');
        await word.press('Enter');
        await checkPage(page, `import-plan-${colorScheme}-${width}`);
        await word.fill('import');
        await word.press('Enter');
        await expect(page.getByRole('region', { name: 'Import report' })).toBeVisible({ timeout: 60_000 });
        await checkPage(page, `import-report-${colorScheme}-${width}`);
        await page.getByRole('link', { name: 'Import another file' }).click();
        await choose('File to import', 'new students.csv', `${lines.join('\n')}\n`);
        await expect(page.getByRole('region', { name: 'Errors' })).toBeVisible();
        await page.getByRole('link', { name: 'Import another file' }).click();
        await expect(page.getByRole('heading', { name: 'Can be undone' })).toBeVisible();
        await checkPage(page, `import-lists-${colorScheme}-${width}`);
      });

      test('dialogs and downloads', async ({ page, school, networkInFrontOf }) => {
        const network = await networkInFrontOf(school);
        await signIn(page, network, '#/clear');
        await page.getByRole('button', { name: 'Clear students…' }).click();
        const word = page.getByLabel('Type students to confirm');
        await word.fill('studnets');
        await word.press('Enter');
        await checkPage(page, `clear-plan-${colorScheme}-${width}`);
        await page.keyboard.press('Escape');
        // With reduced motion the dialog closes at once.
        expect(await page.getByRole('dialog').count()).toBe(0);
        await page.getByRole('button', { name: 'Account admin' }).click();
        await expect(page.getByRole('menuitem', { name: 'Sign out', exact: true })).toBeVisible();
        await checkPage(page, `account-${colorScheme}-${width}`);
        await page.keyboard.press('Escape');
        if (width === 390) {
          await page.getByRole('button', { name: 'Menu' }).click();
          await expect(page.getByRole('dialog', { name: 'Menu' })).toBeVisible();
          await checkPage(page, `menu-${colorScheme}-${width}`);
          await page.getByRole('link', { name: 'Download' }).click();
        } else {
          await page.getByRole('link', { name: 'Download' }).click();
        }
        await expect(page.getByText('100,000 rows')).toBeVisible();
        await page.getByRole('button', { name: 'Courses as CSV' }).click();
        await expect(page.getByText(/^Complete:/)).toBeVisible();
        network.cutAfter = 60_000;
        await page.getByRole('button', { name: 'Payments as JSON' }).click();
        await expect(page.getByRole('alert')).toBeVisible();
        network.cutAfter = Number.POSITIVE_INFINITY;
        network.bytesASecond = 60_000;
        await page.getByRole('button', { name: 'Attendance as CSV' }).click();
        await expect(page.getByText(/B\/s/)).toBeVisible();
        await checkPage(page, `downloads-${colorScheme}-${width}`);
        await page.getByRole('button', { name: /^Activity/ }).click();
        await expect(page.getByRole('dialog', { name: 'Activity' })).toBeVisible();
        await checkPage(page, `activity-${colorScheme}-${width}`);
      });
    });
  }
}

// The page is in English, even in a browser with a language that is written from right to left.
for (const locale of ['ar-EG', 'fa-IR']) {
  test.describe(`a browser in ${locale}`, () => {
    test.use({ locale, viewport: { width: 1440, height: 900 } });

    test('direction and numbers follow the language of the page', async ({ page, school }) => {
      await signIn(page, school);
      await expect(page.locator('html')).toHaveCSS('direction', 'ltr');
      await expect(page.locator('dl > div').first().locator('dd')).toHaveText('1,000');
      await expect(page.getByText(/^Counted at \d\d:\d\d:\d\d\./)).toBeVisible();
      const aside = await page.locator('aside').boundingBox();
      expect(aside?.x).toBeLessThan(720);
      await checkPage(page, `overview-${locale}-1440`);
    });
  });
}

test('everything is reachable with the keyboard alone', async ({ page, school }) => {
  await page.goto(`${school.url}/backup/`);
  await page.getByLabel('User name').focus();
  await page.keyboard.type('admin');
  await page.keyboard.press('Tab');
  await page.keyboard.type('violet-anchor-42-Meadow-thrush');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('button', { name: 'Skip to the page' });
  await expect(skip).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  const link = page.getByRole('link', { name: 'Clear' });
  await link.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
  await expect(page.locator('main')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Clear attendance…' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Type attendance to confirm')).toBeFocused();
});

test('an unknown route shows a page that says so', async ({ page, school }) => {
  await signIn(page, school, '#/nothing');
  await expect(page.getByRole('heading', { name: 'Page not found' })).toBeVisible();
  await page.getByRole('link', { name: 'Show the home page' }).click();
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
});
