import { expect, PAGES, signIn, test } from './harness.ts';

test('the first page is small and loads fast', async ({ page, school, context }) => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  const answers = new Set<string>();
  devtools.on('Network.responseReceived', ({ requestId, type }) => {
    if (type === 'Fetch' || type === 'XHR') answers.add(requestId);
  });
  let files = 0;
  let data = 0;
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (answers.has(requestId)) data += encodedDataLength;
    else files += encodedDataLength;
  });
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  expect(files).toBeGreaterThan(0);
  expect(files).toBeLessThan(200_000);
  expect(data).toBeGreaterThan(0);
  expect(data).toBeLessThan(30_000);

  // Measured after a reload with an empty cache: the first load also started the browser.
  await devtools.send('Network.clearBrowserCache');
  await page.reload();
  await expect(page.getByText(/Counted at/)).toBeVisible();
  const interactive = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    return navigation?.domInteractive ?? Number.POSITIVE_INFINITY;
  });
  expect(interactive).toBeLessThan(1_000);
});

test('each further page is small', async ({ page, school, context }) => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  const sizes = new Map<string, number>();
  devtools.on('Network.responseReceived', ({ requestId, type }) => {
    if (type === 'Script' || type === 'Stylesheet') sizes.set(requestId, 0);
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (sizes.has(requestId)) sizes.set(requestId, encodedDataLength);
  });
  await signIn(page, school);
  for (const { name, at, heading } of PAGES.slice(1)) {
    // Without the files that it shares with a page before it.
    await devtools.send('Network.clearBrowserCache');
    await page.goto(`${school.url}/backup/#/`);
    await page.reload();
    await expect(page.getByText(/Counted at/)).toBeVisible();
    sizes.clear();
    await page.evaluate((hash) => {
      location.hash = hash;
    }, at);
    await expect(page.getByRole('heading', { name: heading, exact: true })).toBeVisible();
    await expect(page.getByLabel(/^Loading/)).toHaveCount(0);
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect(bytes, name).toBeGreaterThan(0);
    expect(bytes, name).toBeLessThan(80_000);
  }
});
