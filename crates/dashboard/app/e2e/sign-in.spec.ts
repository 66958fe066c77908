import { enter, expect, signIn, test } from './harness.ts';
import { PASSWORD } from './service.ts';

test('a wrong password is refused with a message, and the right one signs in', async ({ page, school }) => {
  await page.goto(`${school.url}/backup/`);
  await enter(page, 'not the password');
  const refusal = page.getByRole('alert');
  await expect(refusal).toContainText('If you ask for help, quote');
  await expect(refusal).toContainText('password is wrong');
  // The wrong password is selected, so that typing replaces it.
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await enter(page);
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
  await expect(page).toHaveTitle('Home · Campus backup');
});

test('a one-time password is changed before the dashboard opens', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const printed = service.command('admin', 'reset-password', 'admin');
  await page.goto(`${service.url}/backup/`);
  await enter(page, /One-time password: (\S+)/.exec(printed)?.[1]);
  const first = page.getByLabel('New password', { exact: true });
  await expect(first).toBeFocused();
  for (const password of ['password1234', PASSWORD]) {
    await first.fill(password);
    await page.getByLabel('New password again', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Save and continue' }).click();
    if (password !== PASSWORD) await expect(page.getByText('is too easy to guess')).toBeVisible();
  }
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
});

test('a user who is not an administrator is refused with a message', async ({ page, school }) => {
  await page.route('**/auth/login', async (route) => {
    const answer = await route.fetch();
    const signedIn = await answer.json();
    await route.fulfill({
      response: answer,
      json: { ...signedIn, user: { ...signedIn.user, role: 'teacher' } },
    });
  });
  await page.goto(`${school.url}/backup/`);
  await enter(page);
  await expect(page.getByRole('alert')).toContainText('only administrators');
});

test('a reload continues the session with nothing that a script can read', async ({
  page,
  school,
  context,
}) => {
  await signIn(page, school, '#/clear');
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
  const readable = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
  expect(readable).not.toMatch(/eyJ/);
  expect(readable).not.toContain(PASSWORD);
  const cookies = await context.cookies();
  expect(cookies).toEqual([
    expect.objectContaining({
      name: 'campus_backup_session',
      path: '/auth/session',
      httpOnly: true,
      sameSite: 'Strict',
      // The cookie ends with the browser.
      expires: -1,
    }),
  ]);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
  const [next] = await context.cookies();
  expect(next?.value).not.toBe(cookies[0]?.value);
});

test('signing out in one tab signs out in all tabs', async ({ page, school, context }) => {
  await signIn(page, school);
  const other = await context.newPage();
  await other.goto(`${school.url}/backup/`);
  await expect(other.getByRole('heading', { name: 'Home' })).toBeVisible();
  await other.getByRole('button', { name: 'Account admin' }).click();
  await other.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('You are signed out');
  await expect.poll(() => context.cookies()).toEqual([]);
  await page.reload();
  await expect(page.getByLabel('User name', { exact: true })).toBeEditable();
});

test('a reload after the end of the session asks for the password and says why', async ({
  page,
  school,
  context,
}) => {
  await signIn(page, school);
  await context.clearCookies();
  await page.reload();
  await expect(page.getByRole('status')).toContainText('Your session has ended');
  await enter(page);
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
});

test('a reload repeats the question that the service did not answer', async ({ page, school }) => {
  await signIn(page, school);
  await page.route('**/auth/session', (route) => route.abort());
  await page.reload();
  await expect(page.getByRole('status')).toContainText('not known whether you are still signed in');
  await page.unroute('**/auth/session');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Home' })).toBeVisible();
});

test('signing out leaves nothing visible', async ({ page, school }) => {
  await signIn(page, school, '#/clear');
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  await expect(page.getByRole('status')).toContainText('You are signed out');
  await expect(page.getByLabel('User name', { exact: true })).toBeVisible();
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('an unavailable service is reported', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await signIn(page, service);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  await expect(page.getByText('There is no backup yet', { exact: true })).toBeVisible();
  await service.stop();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(page.getByRole('alert', { name: 'The numbers could not be' })).toContainText(
    'There was no answer',
  );
  // The previous numbers are still visible.
  await expect(page.getByText(/Counted at/)).toBeVisible();
});

test('signing out everywhere ends the sessions on other computers', async ({ page, ownSchool, browser }) => {
  const service = await ownSchool();
  await signIn(page, service);
  const elsewhere = await (await browser.newContext()).newPage();
  await signIn(elsewhere, service);
  await expect(elsewhere.getByText(/Counted at/)).toBeVisible();
  const account = page.getByRole('button', { name: 'Account admin' });
  const choose = async () => {
    await account.click();
    await page.getByRole('menuitem', { name: 'Sign out everywhere…' }).click();
  };
  const dialog = page.getByRole('dialog', { name: 'Sign out everywhere' });
  await choose();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toBeHidden();
  await expect(account).toBeFocused();
  await elsewhere.getByRole('button', { name: 'Refresh' }).click();
  await expect(elsewhere.getByRole('dialog')).toBeHidden();

  await choose();
  await dialog.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('status')).toContainText('You are signed out');
  await elsewhere.getByRole('button', { name: 'Refresh' }).click();
  await expect(elsewhere.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible();
  await elsewhere.reload();
  await expect(elsewhere.getByRole('status')).toContainText('Your session has ended');
  await elsewhere.context().close();
});
