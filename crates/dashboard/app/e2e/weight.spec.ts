import { expect, signIn, test } from './harness.ts';

test('the first page is small and loads fast', async ({ page, school, context }) => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  let transferred = 0;
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    transferred += encodedDataLength;
  });
  await signIn(page, school);
  await expect(page.getByText(/Counted at/)).toBeVisible();
  expect(transferred).toBeGreaterThan(0);
  expect(transferred).toBeLessThan(200_000);

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
