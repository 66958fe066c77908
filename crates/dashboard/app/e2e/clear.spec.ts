import { expect, signIn, test } from './harness.ts';

interface Cleared {
  removed: Record<string, number>;
  kept: Record<string, number>;
  removed_total: number;
}

test('only the exact confirmation word clears what the plan shows', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const plan = await service.api<Cleared>('/backup/clear', { table: 'students', dry_run: true });
  await signIn(page, service, '#/clear');
  await page.getByRole('button', { name: 'Clear students…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear students' });
  for (const [table, name] of Object.entries({
    students: 'Students',
    enrollments: 'Enrollments',
    payments: 'Payments',
    attendance: 'Attendance',
    courses: 'Courses',
    users: 'Users',
  })) {
    const row = dialog.getByRole('row', { name: new RegExp(`^${name}`) });
    const goes = plan.removed[table];
    await expect(row.getByRole('cell').first()).toHaveText(goes ? goes.toLocaleString('en-GB') : '–');
    await expect(row.getByRole('cell').last()).toHaveText((plan.kept[table] ?? -1).toLocaleString('en-GB'));
  }
  const word = dialog.getByLabel('Type students to confirm');
  const confirm = dialog.getByRole('button', {
    name: `Clear ${plan.removed_total.toLocaleString('en-GB')} rows`,
  });
  for (const wrong of ['', 'student', 'STUDENTS', 'payments']) {
    await word.fill(wrong);
    await confirm.click();
    await expect(dialog.getByText('Type exactly “students”')).toBeVisible();
  }
  expect(await service.api('/backup/stats')).toMatchObject({ students: 1_000 });

  const sent = page.waitForRequest((request) => request.url().endsWith('/backup/clear'));
  await word.fill('students');
  await word.press('Enter');
  expect((await sent).postDataJSON()).toEqual({
    table: 'students',
    confirm: 'students',
    expected_rows: plan.removed,
  });
  const result = page.getByRole('dialog', { name: 'Clear students' });
  await expect(result.getByRole('status')).toContainText(
    `${plan.removed_total.toLocaleString('en-GB')} rows deleted`,
  );
  expect(await service.api('/backup/stats')).toMatchObject({ students: 0, payments: 0, courses: 40 });
  await expect(result.getByRole('button', { name: 'Undo: clear students' })).toBeVisible();
  await result.getByRole('button', { name: 'Done' }).click();
  await expect(result).toBeHidden();
  await page.getByRole('link', { name: 'Home' }).click();
  await expect(page.locator('dl > div').filter({ hasText: 'Students' }).locator('dd')).toHaveText('0');
});

test('data that has changed since the plan is cleared only after a new count', async ({
  page,
  ownSchool,
}) => {
  const service = await ownSchool();
  await signIn(page, service, '#/clear');
  await page.getByRole('button', { name: 'Clear everything…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear everything' });
  await dialog.getByLabel('Type all to confirm').fill('all');
  await service.api('/backup/clear', { table: 'attendance' });
  await dialog.getByRole('button', { name: /^Clear 1\d\d,\d+ rows$/ }).click();
  const refusal = dialog.getByRole('alert').filter({ hasText: 'Nothing was cleared' });
  await expect(refusal).toContainText('The data has changed');
  expect(await service.api('/backup/stats')).toMatchObject({ students: 1_000 });
  await refusal.getByRole('button', { name: 'Count again' }).click();
  await dialog.getByLabel('Type all to confirm').fill('all');
  await dialog.getByRole('button', { name: /^Clear 9,\d+ rows$/ }).click();
  await expect(page.getByRole('dialog').getByRole('status')).toContainText('rows deleted');
  // Administrators remain.
  expect(await service.api('/backup/stats')).toMatchObject({ students: 0, total: 1, users: 1 });
});

test('the complete backup can be downloaded from the plan, which stays open', async ({ page, school }) => {
  await signIn(page, school, '#/clear');
  await page.getByRole('button', { name: 'Clear courses…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear courses' });
  const coming = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download everything first' }).click();
  expect((await coming).suggestedFilename()).toMatch(/^complete_backup_.*\.json$/);
  await expect(dialog.getByRole('status')).toContainText('Complete:');
  await expect(dialog.getByLabel('Type courses to confirm')).toBeVisible();
});

test('closing the plan changes nothing', async ({ page, school }) => {
  await signIn(page, school, '#/clear');
  const opener = page.getByRole('button', { name: 'Clear payments…' });
  await opener.click();
  const dialog = page.getByRole('dialog', { name: 'Clear payments' });
  await expect(dialog.getByLabel('Type payments to confirm')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opener).toBeFocused();
  expect(await school.api('/backup/stats')).toMatchObject({ payments: 5_000 });
});

test('a clear is undone from its result, and later from the page', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  const before = await service.digests();
  await signIn(page, service, '#/clear');
  await page.getByRole('button', { name: 'Clear payments…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Clear payments' });
  await dialog.getByLabel('Type payments to confirm').fill('payments');
  await dialog.getByRole('button', { name: /^Clear 5,000 rows$/ }).click();
  await dialog.getByRole('button', { name: 'Undo: clear payments' }).click();
  await expect(dialog.getByRole('status').filter({ hasText: '5,000 rows were restored' })).toBeVisible({
    timeout: 30_000,
  });
  expect(await service.digests()).toEqual(before);
  await dialog.getByRole('button', { name: 'Done' }).click();

  await service.api('/backup/clear', { table: 'attendance' });
  await page.getByRole('link', { name: 'Home' }).click();
  await page.getByRole('link', { name: 'Clear' }).click();
  const later = page.getByRole('listitem').filter({ hasText: 'Cleared attendance: 100,000 rows' });
  await later.getByRole('button', { name: 'Undo: clear attendance' }).click();
  await expect(later).toBeHidden({ timeout: 30_000 });
  expect(await service.digests()).toEqual(before);
});

test('lost data comes back from the home page', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.createBackup('this morning');
  const before = await service.digests();
  await service.api('/backup/clear', { table: 'all' });
  await signIn(page, service);
  const warning = page.getByRole('alert').filter({ hasText: 'Tables that are now empty' });
  await expect(warning).toContainText('1,000 rows of students then, 0 rows now');
  await expect(warning).toContainText('admin cleared everything');
  await warning.getByRole('button', { name: 'Undo: clear everything' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'were restored' })).toBeVisible({
    timeout: 30_000,
  });
  await expect(warning).toBeHidden();
  expect(await service.digests()).toEqual(before);
  await expect(page.getByRole('region', { name: 'Recent events' })).toContainText('undid a change');
});

test('an undo that is not possible is refused with the reason', async ({ page, ownSchool }) => {
  const service = await ownSchool();
  await service.api('/backup/clear', { table: 'payments' });
  await service.api('/backup/clear', { table: 'students' });
  const before = await service.digests();
  await signIn(page, service, '#/clear');
  await page.getByRole('button', { name: 'Undo: clear payments' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'The clear was not undone' })).toBeVisible();
  expect(await service.digests()).toEqual(before);
});
