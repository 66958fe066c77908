// Who uses the keyboard stays where they are.
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';

/** What would be pressed by the next key. */
const focused = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
  );

test('a button that works keeps the focus, and is pressed once', async ({ page, school }) => {
  await signIn(page, school);
  const refresh = page.getByRole('button', { name: 'Refresh' });
  await expect(page.getByText(/Counted at/)).toBeVisible();
  let asked = 0;
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route('**/backup/stats', async (route) => {
    asked += 1;
    await held;
    await route.continue();
  });
  await refresh.focus();
  await page.keyboard.press('Enter');
  await expect(refresh).toHaveAttribute('aria-disabled', 'true');
  await page.keyboard.press('Enter');
  await expect(refresh).toBeFocused();
  answer();
  await expect(refresh).not.toHaveAttribute('aria-disabled', 'true');
  await expect(refresh).toBeFocused();
  expect(asked).toBe(1);
});

test('after a dialog, a menu and a deletion the focus is where it came from', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.take('first');
  await signIn(page, service, '#/archives');
  const menu = page.getByRole('button', { name: 'What to do with first' });
  const choose = async (action: string) => {
    await menu.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: action, exact: true }).focus();
    await page.keyboard.press('Enter');
  };
  for (const action of ['Look into it…', 'Name and note…', 'Delete…']) {
    await choose(action);
    await expect(page.getByRole('dialog')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(menu, action).toBeFocused();
  }
  await choose('Pin');
  await expect(page.getByText('Pinned')).toBeVisible();
  await expect(menu).toBeFocused();
  await choose('Unpin');
  await expect(page.getByText('Pinned')).toBeHidden();
  const take = page.getByRole('button', { name: 'Take a backup…' });
  await take.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await expect(take).toBeFocused();
  // Its row is gone, and with it what had opened the dialog.
  await choose('Delete…');
  await page.getByRole('button', { name: 'Delete it' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('There is no archive yet')).toBeVisible();
  await expect(page.locator('main')).toBeFocused();
});

test('what vanishes from a list leaves the focus in the list', async ({ page, school, networkBefore }) => {
  const network = await networkBefore(school);
  await signIn(page, network, '#/download');
  await expect(page.getByText('100,000 rows')).toBeVisible();
  network.bytesASecond = 60_000;
  await page.getByRole('button', { name: 'Attendance as JSON' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Cancel Attendance as JSON' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('cancelled. Nothing was saved.')).toBeVisible();
  const list = page.getByRole('region', { name: 'Your downloads' });
  await expect.poll(() => focused(page)).not.toBeNull();
  await expect(list).toBeFocused();
});

test('a page that is chosen in the menu of a phone has the focus', async ({ page, school }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page, school);
  const menu = page.getByRole('button', { name: 'Menu', exact: true });
  await menu.click();
  await page.keyboard.press('Escape');
  await expect(menu).toBeFocused();
  await menu.click();
  await page.getByRole('dialog').getByRole('link', { name: 'Download' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.locator('main')).toBeFocused();
});
