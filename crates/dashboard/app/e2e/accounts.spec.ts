// Accounts: created with a one-time password that is shown once, changed, disabled, reset and deleted.
import { enter, expect, signIn, test } from './harness.ts';
import { PASSWORD } from './service.ts';

test('an account gets a one-time password, with which its user signs in', async ({
  page,
  ownSchool,
  browser,
}) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/accounts');
  await page.getByRole('button', { name: 'Create an account…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('User name').fill('head.office');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const secret = dialog.getByLabel('One-time password');
  await expect(secret).toBeFocused();
  const password = await secret.inputValue();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  await expect(dialog).toBeHidden();
  expect(await page.content()).not.toContain(password);

  const other = await browser.newPage();
  await other.goto(`${school.url}/backup/`);
  await other.getByLabel('User name', { exact: true }).fill('head.office');
  await other.getByLabel('Password', { exact: true }).fill(password);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await expect(other.getByRole('form', { name: 'Choose a new password' })).toBeVisible();
  await other.close();

  const row = page.getByRole('listitem').filter({ hasText: 'head.office' });
  const choose = async (action: string) => {
    await page.getByRole('button', { name: 'Actions for head.office' }).click();
    await page.getByRole('menuitem', { name: action, exact: true }).click();
  };
  await choose('Edit…');
  await dialog.getByLabel('Email address').fill('no address');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(dialog.getByText(/^The email address must be/)).toBeVisible();
  await expect(dialog.getByLabel('Email address')).toBeFocused();
  await dialog.getByLabel('Email address').fill('head@school.example');
  await dialog.getByLabel('Teacher').check();
  await expect(dialog.getByText('The user is signed out')).toBeVisible();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(row).toContainText('Teacher');
  await expect(row).toContainText('head@school.example');

  await choose('Disable…');
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await expect(row.getByText('Disabled', { exact: true })).toBeVisible();
  await page.getByLabel('State').selectOption('active');
  await expect(row).toHaveCount(0);
  await page.getByLabel('State').selectOption('disabled');
  await choose('Reset the password…');
  await dialog.getByRole('button', { name: 'Reset the password' }).click();
  await expect(dialog.getByLabel('One-time password')).not.toHaveValue(password);
  await page.keyboard.press('Escape');
  await choose('Delete…');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(row).toHaveCount(0);
});

test('the last administrator stays, and the page says what to do', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/accounts');
  await page.getByRole('button', { name: 'Actions for admin' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(dialog.getByRole('alert')).toContainText('The account was not deleted');
  await expect(dialog.getByRole('alert')).toContainText('Create or enable another administrator first.');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('listitem').filter({ hasText: 'admin' }).first()).toBeVisible();
});

test('users change their own password', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/accounts');
  await page.getByRole('button', { name: 'Change your password…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change your password' });
  const next = 'harbour-Copper-19-lantern';
  await dialog.getByLabel('Current password', { exact: true }).fill('wrong');
  await dialog.getByLabel('New password', { exact: true }).fill(next);
  await dialog.getByLabel('New password again').fill(next);
  await dialog.getByRole('button', { name: 'Change the password' }).click();
  await expect(
    dialog
      .getByRole('alert')
      .or(dialog.getByText(/^The current password /))
      .first(),
  ).toBeVisible();
  await dialog.getByLabel('Current password', { exact: true }).fill(PASSWORD);
  await dialog.getByRole('button', { name: 'Change the password' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await enter(page, next);
  await expect(page.getByRole('heading', { name: 'Accounts' })).toBeVisible();
});

test('500 accounts are loaded page by page', async ({ page, school }) => {
  await page.route(/\/accounts\?/, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const offset = Number(query.get('offset'));
    const items = Array.from({ length: Number(query.get('limit')) }, (_, index) => ({
      id: offset + index + 1,
      username: `user.${offset + index}`,
      email: null,
      role: 'teacher',
      is_active: true,
      created_at: '2026-11-23T09:30:00Z',
      one_time_password_expires_at: null,
      tokens: 0,
    }));
    await route.fulfill({ json: { items, total: 500, limit: items.length, offset } });
  });
  await signIn(page, school, '#/accounts');
  await expect(page.getByText('Showing 50 of 500 accounts.')).toBeVisible();
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(page.getByText('Showing 100 of 500 accounts.')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Actions for user\./ })).toHaveCount(100);
});
