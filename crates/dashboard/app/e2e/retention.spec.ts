// Retention: previewed, saved, applied by its hash, and turned off.
import { expect, signIn, test } from './harness.ts';
import type { Service } from './service.ts';

async function archives(school: Service): Promise<number> {
  return (await school.api<{ total: number }>('/backup/archives')).total;
}

test('a policy is previewed as a calendar, saved, applied and turned off', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  for (const label of ['first', 'second', 'third']) await school.createBackup(label);
  await signIn(page, school, '#/retention');
  await expect(page.getByText('Retention is off')).toBeVisible();
  for (const field of ['One a day', 'One a week', 'One a month', 'One a year'])
    await page.getByLabel(field).fill('0');
  await page.getByLabel('Newest backups').fill('1');
  await page.getByLabel('At least').fill('1');
  await page.getByRole('button', { name: 'Preview' }).click();
  const preview = page.getByRole('region', { name: 'Preview' });
  await expect(preview.getByTestId('summary')).toContainText(/^1 backup stays\. 2 backups will be deleted/);
  await preview.getByRole('button', { name: /: 1 stays 2 will be deleted$/ }).click();
  const day = preview.getByRole('region', { name: /^Backups of / });
  await expect(day.getByRole('listitem')).toHaveCount(3);
  await expect(day).toContainText('one of the newest');
  await expect(day).toContainText('no rule keeps it');
  // A preview changes nothing.
  expect(await archives(school)).toBe(3);
  expect(await school.api<{ policy: unknown }>('/backup/retention')).toMatchObject({ policy: null });

  await page.getByRole('button', { name: 'Save this policy…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Deleted backups can’t be restored.');
  await dialog.getByRole('button', { name: 'Save the policy' }).click();
  await expect(dialog.getByText(/^Type exactly/)).toBeVisible();
  await dialog.getByLabel('Type delete to confirm').fill('delete');
  await dialog.getByRole('button', { name: 'Save the policy' }).click();
  await expect(page.getByText('The policy was saved.')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Preview of the current policy' })).toBeVisible();

  await page.getByRole('button', { name: 'Delete 2 backups now…' }).click();
  await dialog.getByLabel('Type delete to confirm').fill('delete');
  await dialog.getByRole('button', { name: 'Delete now' }).click();
  await expect.poll(() => archives(school), { timeout: 30_000 }).toBe(1);
  await expect(preview.getByTestId('summary')).toHaveText('1 backup stays. None will be deleted.');

  await page.getByRole('button', { name: 'Turn retention off…' }).click();
  await dialog.getByRole('button', { name: 'Turn off' }).click();
  await expect(page.getByText('Retention is off').first()).toBeVisible();
  expect(await archives(school)).toBe(1);
});

test('an outdated plan deletes nothing, and can be refreshed', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  for (const label of ['first', 'second']) await school.createBackup(label);
  await school.request('PUT', '/backup/retention', JSON.stringify({ keep_last: 1 }));
  await signIn(page, school, '#/retention');
  await page.getByRole('button', { name: 'Delete 1 backup now…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Type delete to confirm').fill('delete');
  // Another policy makes the plan another one. No backup is created, because the service would apply the policy then.
  await school.request('PUT', '/backup/retention', JSON.stringify({ keep_last: 1, daily: 3 }));
  await dialog.getByRole('button', { name: 'Delete now' }).click();
  await expect(dialog.getByText('The backups have changed since the preview')).toBeVisible();
  await dialog.getByRole('button', { name: 'Refresh the preview' }).click();
  await expect(dialog).toBeHidden();
  expect(await archives(school)).toBe(2);
});

test('an invalid number and a policy that keeps nothing are refused at their fields', async ({
  page,
  school,
}) => {
  await signIn(page, school, '#/retention');
  await page.getByLabel('One a day').fill('seven');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByText('Enter a whole number, or 0.')).toBeVisible();
  await expect(page.getByLabel('One a day')).toBeFocused();
  for (const field of ['Newest backups', 'One a day', 'One a week', 'One a month', 'One a year'])
    await page.getByLabel(field).fill('0');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByText(/^The number must be at least 1/)).toBeVisible();
  await expect(page.getByLabel('Newest backups')).toBeFocused();
});
