// Settings: what the service uses, who can change it, and the settings of the browser.
import { expect, signIn, test } from './harness.ts';

test('the page shows the keys, the options of the server and the appearance', async ({ page, school }) => {
  const { key_id } = await school.api<{ key_id: string }>('/backup/certificate-key');
  await signIn(page, school, '#/settings');
  const service = page.getByRole('region', { name: 'This service' });
  await expect(service).toContainText('New backups are not encrypted.');
  await expect(service).toContainText((key_id.match(/.{4}/g) ?? []).join(' '));
  await expect(page.getByRole('region', { name: 'Where to change settings' })).toContainText('--undo-window');

  await page.getByRole('radio', { name: 'Dark' }).check();
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
  await page.reload();
  await expect(page.getByRole('radio', { name: 'Dark' })).toBeChecked();
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');

  await page.getByRole('button', { name: 'Change your password…' }).click();
  await expect(page.getByRole('dialog', { name: 'Change your password' })).toBeVisible();
});
