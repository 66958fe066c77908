// Named tokens: shown once, usable within their rights, and revoked.
import { expect, signIn, test } from './harness.ts';

test('a token is shown once, has only its rights, and ends when it is revoked', async ({
  page,
  ownSchool,
}) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/tokens');
  await page.getByRole('button', { name: 'Create a token…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Read').uncheck();
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText('Enter a name.')).toBeVisible();
  await expect(dialog.getByText('Choose a right.')).toBeVisible();
  await dialog.getByLabel('Name', { exact: true }).fill('nightly backup');
  await dialog.getByLabel('Read').check();
  await dialog.getByLabel('Expires').selectOption('30');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  const token = await dialog.getByLabel('Token', { exact: true }).inputValue();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  await expect(dialog).toBeHidden();
  expect(await page.content()).not.toContain(token);

  const ask = (method: string, path: string) =>
    fetch(`${school.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(method === 'POST' && { body: '{}' }),
    });
  expect((await ask('GET', '/backup/stats')).status).toBe(200);
  expect((await ask('POST', '/backup/archives')).status).toBe(403);

  await page.reload();
  const row = page.getByRole('listitem').filter({ hasText: 'nightly backup' });
  await expect(row).toContainText('Last used: ');
  await expect(row).toContainText(/Expires in (29|30) days/);
  await page.getByRole('button', { name: 'Create a token…' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('nightly backup');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText('Another of your tokens has this name.')).toBeVisible();
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Actions for nightly backup' }).click();
  await page.getByRole('menuitem', { name: 'Revoke…' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await expect(row).toHaveCount(0);
  await expect(page.getByText('You have no token yet.')).toBeVisible();
  expect((await ask('GET', '/backup/stats')).status).toBe(401);
});

test('a token whose answer is lost is not shown as created', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const school = await ownSchool({ scale: 0 });
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/tokens');
  await page.getByRole('button', { name: 'Create a token…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('script');
  network.losing = { request: /^POST \/auth\/tokens/, loss: 'answer cut' };
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText('The token did not arrive')).toBeVisible({ timeout: 20_000 });
  await expect(dialog).toContainText('Revoke it and create it again.');
});
