import { enter, expect, signIn, test } from './harness.ts';

test('an active user is not asked for the password, and an absent user is', async ({ page, ownSchool }) => {
  const service = await ownSchool({ flags: ['--token-lifetime', '3'] });
  await signIn(page, service, '#/clear');
  const ended = page.getByRole('dialog', { name: 'Your session has ended' });
  for (const began = Date.now(); Date.now() - began < 8_000; ) {
    await page.keyboard.press('Shift');
    await expect(ended).toBeHidden();
    await page.waitForTimeout(250);
  }
  await expect(ended).toBeVisible({ timeout: 10_000 });
});

test('a session that ends during work costs only the password', async ({ page, ownSchool }) => {
  const service = await ownSchool({ flags: ['--token-lifetime', '3', '--session-lifetime', '3'] });
  await signIn(page, service, '#/clear');
  await page.getByRole('button', { name: 'Clear attendance…' }).click();
  await page.getByLabel('Type attendance to confirm').fill('attendance');
  const ended = page.getByRole('dialog', { name: 'Your session has ended' });
  await expect(ended).toBeVisible();
  await expect(ended.getByLabel('User name')).toHaveValue('admin');
  await expect(ended.getByLabel('Password', { exact: true })).toBeFocused();
  await enter(page);
  await expect(ended).toBeHidden();
  // The page is unchanged, and nothing was done meanwhile.
  await expect(page.getByLabel('Type attendance to confirm')).toHaveValue('attendance');
  expect(await service.api('/backup/stats')).toMatchObject({ attendance: 100_000 });
  await page.getByRole('button', { name: 'Clear 100,000 rows' }).click();
  await expect(page.getByText('100,000 rows deleted')).toBeVisible();
});

test('a token that is rejected early asks for the password', async ({ page, school }) => {
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  const refusal = {
    type: 'urn:campus-backup:problem:unauthenticated',
    title: 'You are not signed in',
    status: 401,
    detail: 'the account is no longer active',
    code: 'unauthenticated',
    request_id: 'test',
  };
  const refuse = (route: import('@playwright/test').Route) =>
    route.fulfill({ status: 401, contentType: 'application/problem+json', body: JSON.stringify(refusal) });
  await page.route('**/backup/stats', refuse);
  await page.getByRole('button', { name: 'Refresh' }).click();
  await expect(page.getByRole('dialog', { name: 'Your session has ended' })).toBeVisible();
  await page.unroute('**/backup/stats', refuse);
  await enter(page);
  // The failed query is repeated automatically.
  await expect(page.getByRole('dialog')).toBeHidden();
  await expect(page.getByRole('alert')).toBeHidden();
  await expect(page.getByText(/Counted at/)).toBeVisible();
});
