import { test as base, expect, type Page } from '@playwright/test';
import { Network } from './network.ts';
import { type Engine, PASSWORD, Service, USERNAME } from './service.ts';

interface Options {
  engine: Engine;
}

interface Shared {
  /** A demo school that no test changes. */
  school: Service;
}

interface Each {
  /** Starts a demo school for this test only. With the scale 0 it has no data, and starts faster. */
  ownSchool: (setup?: { scale?: number; flags?: string[] }) => Promise<Service>;
  networkInFrontOf: (service: Service) => Promise<Network>;
  /** Fails the test if the browser reports an error, such as a style that the security policy refused. */
  noBrowserErrors: undefined;
}

export const test = base.extend<Each, Options & Shared>({
  engine: ['sqlite', { option: true, scope: 'worker' }],
  school: [
    async ({ engine }, use) => {
      const service = new Service(engine);
      await service.start('--demo');
      await use(service);
      await service.stop();
    },
    { scope: 'worker' },
  ],
  ownSchool: async ({ engine }, use) => {
    const started: Service[] = [];
    await use(async ({ scale = 1, flags = [] } = {}) => {
      const service = new Service(engine);
      started.push(service);
      if (scale > 0) service.fill(scale);
      return service.start(...flags);
    });
    for (const service of started) await service.stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's form.
  networkInFrontOf: async ({}, use) => {
    const started: Network[] = [];
    await use(async (service) => {
      const network = await Network.inFrontOf(service.url);
      started.push(network);
      return network;
    });
    for (const network of started) network.stop();
  },
  noBrowserErrors: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => {
        // Some tests expect refused requests and broken transfers. Chromium reports them as failed loads.
        const expected = message.text().startsWith('Failed to load resource');
        if (message.type() === 'error' && !expected) errors.push(message.text());
      });
      await use(undefined);
      expect(errors).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens the dashboard of a service, or of the network in front of it, and signs in. */
export async function signIn(page: Page, { url }: { url: string }, at = ''): Promise<void> {
  await page.goto(`${url}/backup/${at}`);
  await enter(page);
  await expect(
    page
      .getByRole('navigation', { name: 'Pages' })
      .or(page.getByRole('button', { name: 'Menu' }))
      .first(),
  ).toBeVisible();
}

export async function enter(page: Page, password = PASSWORD): Promise<void> {
  const name = page.getByLabel('User name', { exact: true });
  if (await name.isEditable()) await name.fill(USERNAME);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The pages that are checked with axe and shown in screenshots. */
export const PAGES = [
  { name: 'overview', at: '#/', heading: 'Home' },
  { name: 'download', at: '#/download', heading: 'Download' },
  { name: 'import', at: '#/import', heading: 'Import' },
  { name: 'clear', at: '#/clear', heading: 'Clear' },
  { name: 'archives', at: '#/archives', heading: 'Backups' },
  { name: 'restore', at: '#/restore', heading: 'Restore' },
  { name: 'compare', at: '#/compare', heading: 'Compare' },
  { name: 'history', at: '#/history', heading: 'History' },
  { name: 'schedules', at: '#/schedules', heading: 'Schedules' },
  { name: 'retention', at: '#/retention', heading: 'Retention' },
  { name: 'destinations', at: '#/destinations', heading: 'Destinations' },
  { name: 'notifications', at: '#/notifications', heading: 'Notifications' },
  { name: 'accounts', at: '#/accounts', heading: 'Accounts' },
  { name: 'tokens', at: '#/tokens', heading: 'Tokens' },
  { name: 'audit', at: '#/audit', heading: 'Audit' },
  { name: 'settings', at: '#/settings', heading: 'Settings' },
  { name: 'health', at: '#/health', heading: 'Health' },
];
