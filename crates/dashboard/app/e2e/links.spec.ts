// The page that a browser shows for a download link.
import { readFileSync } from 'node:fs';
import { expect, test } from './harness.ts';
import type { Service } from './service.ts';

const PATH = '/backup/download/students?format=csv&delimiter=semicolon';

async function link(service: Service, path = PATH): Promise<string> {
  const { url } = await service.api<{ url: string }>('/backup/download-links', { path });
  const { pathname, search } = new URL(url);
  return `${service.url}${pathname}${search}`;
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`a link opens a page with one button, which downloads (${colorScheme})`, async ({
    page,
    school,
  }, info) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 500 });
    const opened = await link(school);
    // Viewing the page does not use up the link.
    await page.goto(opened);
    await page.goto(opened);
    await expect(page).toHaveTitle('Download students');
    await expect(page.getByRole('heading', { name: 'Download students' })).toBeVisible();
    await page.screenshot({ path: info.outputPath(`link-${colorScheme}.png`) });
    const button = page.getByRole('button', { name: 'Download' });
    await expect(button).toBeFocused();
    const coming = page.waitForEvent('download');
    await button.press('Enter');
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/^students_backup_.*\.csv$/);
    const content = readFileSync(await download.path());
    expect(content.equals(await school.curl(PATH))).toBe(true);
    const again = await page.goto(opened);
    expect(again?.status()).toBe(410);
  });
}

test('a link with begin=true downloads immediately', async ({ page, school }) => {
  const opened = await link(school, '/backup/download/all');
  await page.goto('about:blank');
  const coming = page.waitForEvent('download');
  // A navigation that becomes a download shows no other page.
  await page.goto(`${opened}&begin=true`).catch((error) => expect(String(error)).toContain('Download'));
  const download = await coming;
  expect(download.suggestedFilename()).toMatch(/^complete_backup_.*\.json$/);
  const whole = JSON.parse(readFileSync(await download.path(), 'utf8')) as { summary: { total: number } };
  expect(whole.summary.total).toBe(109_053);
  expect(page.url()).toBe('about:blank');
});
