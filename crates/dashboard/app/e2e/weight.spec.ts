import { expect, signIn, test } from './harness.ts';

test('the first page is light and soon there', async ({ page, school, context }) => {
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

  // Loaded again with everything to do: the first load above started the browser as well.
  await devtools.send('Network.clearBrowserCache');
  await page.reload();
  await expect(page.getByText(/Counted at/)).toBeVisible();
  const interactive = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
    return navigation?.domInteractive ?? Number.POSITIVE_INFINITY;
  });
  expect(interactive).toBeLessThan(1_000);
});
