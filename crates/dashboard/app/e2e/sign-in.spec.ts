import { enter, expect, signIn, test } from './harness.ts';
import { PASSWORD } from './service.ts';

test('a wrong password is refused in words, and the right one lets in', async ({ page, school }) => {
  await page.goto(`${school.url}/backup/`);
  await enter(page, 'not the password');
  const refusal = page.getByRole('alert');
  await expect(refusal).toContainText('If you ask for help, quote');
  await expect(refusal).toContainText('password is wrong');
  // What was typed can be typed over at once.
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await enter(page);
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await expect(page).toHaveTitle('Overview · Campus backup');
});

test('who is no administrator is told so', async ({ page, school }) => {
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

test('the token is kept nowhere, so a reload signs out and says why', async ({ page, school, context }) => {
  await signIn(page, school);
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const kept = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
  expect(kept).not.toMatch(/eyJ/);
  expect(kept).not.toContain(PASSWORD);
  expect(await context.cookies()).toEqual([]);
  await page.reload();
  await expect(page.getByRole('status')).toContainText('The page was reloaded');
  await enter(page);
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

test('signing out leaves nothing behind', async ({ page, school }) => {
  await signIn(page, school, '#/clear');
  await page.getByRole('button', { name: 'Account admin' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await expect(page.getByRole('status')).toContainText('You are signed out');
  await expect(page.getByLabel('User name', { exact: true })).toBeVisible();
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('a service that is gone is said to be gone', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await signIn(page, service);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  await service.stop();
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(page.getByRole('alert')).toContainText('There was no answer');
  // The numbers of before are still there.
  await expect(page.getByText(/Counted at/)).toBeVisible();
});
