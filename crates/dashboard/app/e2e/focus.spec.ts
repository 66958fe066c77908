// Keyboard users keep their place on the page.
import type { Page } from '@playwright/test';
import { expect, signIn, test } from './harness.ts';
import { PASSWORD } from './service.ts';

/** The element that the next key would press. */
const focused = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent,
  );

test('a loading button keeps the focus and ignores further presses', async ({ page, school }) => {
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

test('after a dialog, a menu and a deletion the focus returns to its origin', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('first');
  await signIn(page, service, '#/archives');
  const menu = page.getByRole('button', { name: 'Actions for first' });
  const choose = async (action: string) => {
    await menu.focus();
    await page.keyboard.press('Enter');
    // The menu focuses its first item shortly after it opens, even if another item has the focus by then.
    await expect(page.getByRole('menuitem').first()).toBeFocused();
    const item = page.getByRole('menuitem', { name: action, exact: true });
    await item.focus();
    await expect(item).toBeFocused();
    await page.keyboard.press('Enter');
  };
  for (const action of ['Rename…', 'Delete…']) {
    await choose(action);
    // The dialog gets the focus shortly after it is visible.
    await expect(page.getByRole('dialog').locator(':focus')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(menu, action).toBeFocused();
  }
  await choose('Protect from deletion');
  await expect(page.getByText('Protected')).toBeVisible();
  await expect(menu).toBeFocused();
  await choose('Remove protection');
  await expect(page.getByText('Protected')).toBeHidden();
  const create = page.getByRole('button', { name: 'Create a backup…' });
  await create.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog').locator(':focus')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(create).toBeFocused();
  // The row was deleted, and with it the button that opened the dialog.
  await choose('Delete…');
  await page.getByRole('button', { name: 'Delete', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Delete anyway' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('There is no backup yet')).toBeVisible();
  await expect(page.locator('main')).toBeFocused();
});

test('removing an entry leaves the focus in the list', async ({ page, school, networkInFrontOf }) => {
  const network = await networkInFrontOf(school);
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

test('a page that is chosen in the menu of a phone gets the focus', async ({ page, school }) => {
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

test('nothing takes the focus while the password is typed', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await signIn(page, service, '#/clear');
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.getByRole('button', { name: 'Clear payments…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear payments' });
  await dialog.getByLabel('Type payments to confirm').fill('payments');
  await page.route('**/backup/clear', async (route) => {
    const done = await route.fetch();
    await held;
    await route.fulfill({ response: done });
  });
  const refusal = {
    type: 'urn:campus-backup:problem:unauthenticated',
    title: 'You are not signed in',
    status: 401,
    detail: 'The session has ended.',
    code: 'unauthenticated',
    request_id: 'test',
  };
  await page.route('**/backup/jobs?*', (route) =>
    route.fulfill({ status: 401, contentType: 'application/problem+json', body: JSON.stringify(refusal) }),
  );
  await dialog.getByRole('button', { name: 'Clear 5,000 rows' }).click();
  const ended = page.getByRole('dialog', { name: 'Your session has ended' });
  const password = ended.getByLabel('Password', { exact: true });
  await expect(password).toBeFocused({ timeout: 20_000 });
  await page.keyboard.type(PASSWORD.slice(0, 5));
  answer();
  await expect(page.getByText('5,000 rows deleted')).toBeVisible();
  await page.keyboard.type(PASSWORD.slice(5));
  await expect(password).toHaveValue(PASSWORD);
  await page.unroute('**/backup/jobs?*');
  await page.keyboard.press('Enter');
  await expect(ended).toBeHidden();
  await expect(dialog.getByRole('button', { name: 'Done' })).toBeFocused();
});
