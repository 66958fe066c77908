// The command palette: each page, action and backup with the keyboard alone.
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

const palette = (page: Page) => page.getByRole('dialog', { name: 'Commands' });

async function openByKey(page: Page): Promise<void> {
  await expect(palette(page)).toHaveCount(0);
  await page.keyboard.press('Control+k');
  await expect(palette(page).getByRole('textbox')).toBeFocused();
}

test('pages, backups and actions are reached by typing', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  const id = await school.createBackup('start of term');
  await signIn(page, school);
  await openByKey(page);
  await page.keyboard.type('audit');
  await expect(palette(page).getByRole('option')).toHaveText(['Audit']);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Audit', exact: true })).toBeVisible();
  await expect(palette(page)).toBeHidden();
  await expect(page.locator('main')).toBeFocused();

  await openByKey(page);
  await page.keyboard.type('term start');
  await expect(palette(page).getByRole('option', { name: 'start of term' })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(new RegExp(`#/archives/${id}$`));

  await openByKey(page);
  await page.keyboard.type('back up');
  await page.keyboard.press('Enter');
  await expect(page.getByText(/^The backup.* was created$/).first()).toBeVisible({ timeout: 30_000 });

  await openByKey(page);
  await page.keyboard.type('no such thing');
  await expect(palette(page)).toContainText('Nothing was found.');
  await page.keyboard.press('Escape');
  await expect(palette(page)).toBeHidden();

  await openByKey(page);
  await page.keyboard.type('sign out');
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('User name')).toBeVisible();
});

test('the button names the key, and gets the focus back', async ({ page, school }) => {
  await signIn(page, school);
  const button = page.getByRole('button', { name: /^Search/ });
  await expect(button).toContainText('Ctrl K');
  await expect(button).toHaveAttribute('aria-keyshortcuts', 'Control+K');
  await button.click();
  await expect(palette(page).getByRole('option', { name: 'Back up now' })).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  await expect(palette(page)).toBeHidden();
  await expect(button).toBeFocused();
  // Another dialog comes first.
  await page.getByRole('button', { name: 'Activity' }).click();
  await expect(page.getByRole('dialog', { name: 'Activity' })).toBeVisible();
  await page.keyboard.press('Control+k');
  await expect(palette(page)).toHaveCount(0);
});
