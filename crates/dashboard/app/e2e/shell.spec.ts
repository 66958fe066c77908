// The shell: an upgrade under an open tab, the address of the host, the manifest, and what is printed.
import { expect, signIn, test } from './harness.ts';

test('after an upgrade a page asks for a reload', async ({ page, school }) => {
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  // The files of the next version have other names.
  await page.route('**/backup/assets/Clear-*', (route) => route.fulfill({ status: 404 }));
  await page.route('**/backup/', async (route) => {
    const answer = await route.fetch();
    const text = (await answer.text()).replace(/assets\/index-[^"]+\.js/, 'assets/index-next.js');
    await route.fulfill({ response: answer, body: text });
  });
  await page.getByRole('link', { name: 'Clear' }).click();
  const alert = page.getByRole('alert').filter({ hasText: 'The service was upgraded' });
  await expect(alert).toContainText('Reload the dashboard. You stay signed in.');
  await page.unrouteAll();
  await alert.getByRole('button', { name: 'Reload the dashboard' }).click();
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
});

test('a file that fails once is loaded again', async ({ page, school }) => {
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  let failures = 0;
  await page.route('**/backup/assets/Clear-*', async (route) => {
    failures += 1;
    if (failures === 1) await route.abort();
    else await route.continue();
  });
  await page.getByRole('link', { name: 'Clear' }).click();
  await expect(page.getByRole('heading', { name: 'Clear', exact: true })).toBeVisible();
  expect(failures).toBeGreaterThan(1);
});

test('the host leads to the dashboard, with its icon and manifest', async ({ page, school }) => {
  await page.goto(school.url);
  await expect(page).toHaveURL(/\/backup\/$/);
  const manifest = await page.locator('link[rel="manifest"]').getAttribute('href');
  const answer = await page.request.get(new URL(manifest ?? '', page.url()).href);
  expect(answer.headers()['content-type']).toContain('application/manifest+json');
  const { start_url, icons } = (await answer.json()) as { start_url: string; icons: { src: string }[] };
  expect(new URL(start_url, answer.url()).pathname).toBe('/backup/');
  for (const { src } of icons)
    expect((await page.request.get(new URL(src, answer.url()).href)).ok()).toBe(true);
});

test('only the content is printed, in light colors', async ({ page, school }) => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await signIn(page, school, '#/audit');
  await expect(page.getByRole('table', { name: 'Events' })).toBeVisible();
  const dark = await page.locator('h1').evaluate((each) => getComputedStyle(each).color);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await expect(page.getByRole('table', { name: 'Events' })).toBeVisible();
  await expect(page.getByRole('navigation', { name: 'Pages' })).toBeHidden();
  await expect(page.locator('header')).toBeHidden();
  await expect(page.getByRole('button', { name: 'Export as CSV' })).toBeHidden();
  expect(await page.locator('h1').evaluate((each) => getComputedStyle(each).color)).not.toBe(dark);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  expect(await page.locator('h1').evaluate((each) => getComputedStyle(each).color)).toBe(dark);
});

for (const [what, width, height] of [
  ['a low screen', 1366, 640],
  ['200 % zoom', 683, 320],
  ['a phone', 390, 844],
] as const) {
  test(`the palette and the details of an event are usable on ${what}`, async ({ page, school }) => {
    await page.setViewportSize({ width, height });
    await signIn(page, school, '#/audit');
    await page.getByRole('button', { name: 'Signed in' }).first().click();
    const details = page.getByRole('dialog', { name: 'Signed in' });
    const last = details.getByRole('button', { name: 'All events of this user' });
    await last.scrollIntoViewIfNeeded();
    await expect(last).toBeInViewport();
    await page.keyboard.press('Escape');
    await expect(details).toBeHidden();
    await page.getByRole('button', { name: /^Search/ }).click();
    const option = page.getByRole('option', { name: 'Settings' });
    await option.scrollIntoViewIfNeeded();
    await expect(option).toBeInViewport();
    const [content, visible] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(content).toBeLessThanOrEqual(visible ?? 0);
  });
}
