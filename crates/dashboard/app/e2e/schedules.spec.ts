// Schedules: created with words, refused at the field, run, disabled and deleted.
import { expect, signIn, test } from './harness.ts';

test('a schedule is created, run, changed, disabled and deleted', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await signIn(page, school, '#/schedules');
  await expect(page.getByText('There is no schedule yet.', { exact: false })).toBeVisible();
  await page.getByRole('button', { name: 'Create a schedule…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill('Every night');
  await expect(dialog.getByTestId('words')).toHaveText('At 02:00, every day');
  await dialog.getByLabel('Time of day').fill('22:30');
  await expect(dialog.getByTestId('words')).toHaveText('At 22:30, every day');
  await dialog.getByLabel('Time zone').selectOption('Asia/Kolkata');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(page.getByRole('status').filter({ hasText: 'was created' })).toBeVisible();
  const row = page.getByRole('listitem').filter({ hasText: 'Every night' }).first();
  await expect(row).toContainText('At 22:30, every day (Asia/Kolkata)');
  await expect(row).toContainText(/Next run: .*, 22:30 \(Asia\/Kolkata\)/);
  const choose = async (action: string) => {
    await page.getByRole('button', { name: 'Actions for Every night' }).click();
    await page.getByRole('menuitem', { name: action, exact: true }).click();
  };

  await choose('Run now');
  await expect(page.getByText(/^The backup “.?Every night.?” was created$/).first()).toBeVisible({
    timeout: 30_000,
  });

  await choose('Edit…');
  await expect(dialog.getByLabel('Time of day')).toHaveValue('22:30');
  await dialog.getByLabel('How often').selectOption('week');
  await dialog.getByLabel('Day of the week').selectOption('5');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(row).toContainText('At 22:30, only on Friday (Asia/Kolkata)');

  await choose('Disable');
  await expect(row).toContainText('Disabled: there is no next run.');
  const { items } = await school.api<{ items: { cron: string; enabled: boolean }[] }>('/backup/schedules');
  expect(items).toMatchObject([{ cron: '30 22 * * 5', enabled: false }]);

  await choose('Delete…');
  await expect(dialog).toContainText('Its backups stay');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await expect(row).toHaveCount(0);
  await expect(page.getByText('There is no schedule yet.', { exact: false })).toBeVisible();
});

test('a refused expression and a taken name are shown at their fields', async ({ page, ownSchool }) => {
  const school = await ownSchool({ scale: 0 });
  await school.api('/backup/schedules', { name: 'Every night', preset: 'daily' });
  await signIn(page, school, '#/schedules/new');
  const dialog = page.getByRole('dialog', { name: 'Create a schedule' });
  await dialog.getByLabel('Name', { exact: true }).fill('Every night');
  await dialog.getByLabel('How often').selectOption('cron');
  const cron = dialog.getByLabel('Cron expression');
  await cron.fill('at noon');
  await expect(dialog.getByTestId('words')).toContainText('can’t be shown in words');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText(/^The time must be a cron expression/)).toBeVisible();
  await expect(cron).toBeFocused();
  await cron.fill('0 12 * * 1-5');
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText('Another schedule has this name.')).toBeVisible();
  await expect(dialog.getByLabel('Name', { exact: true })).toBeFocused();
  expect((await school.api<{ total: number }>('/backup/schedules')).total).toBe(1);
});

test('a schedule whose answer is lost is found, and created once', async ({
  page,
  ownSchool,
  networkInFrontOf,
}) => {
  const school = await ownSchool({ scale: 0 });
  const network = await networkInFrontOf(school);
  await signIn(page, network, '#/schedules/new');
  const dialog = page.getByRole('dialog', { name: 'Create a schedule' });
  await dialog.getByLabel('Name', { exact: true }).fill('Every night');
  network.losing = { request: /^POST \/backup\/schedules/, loss: 'answer cut' };
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect(dialog.getByText(/^Not known yet/)).toBeVisible();
  network.losing = undefined;
  await expect(dialog).toBeHidden({ timeout: 20_000 });
  await expect(page.getByText(/^The schedule “.?Every night.?” was created\.$/)).toBeVisible();
  expect((await school.api<{ total: number }>('/backup/schedules')).total).toBe(1);
});
