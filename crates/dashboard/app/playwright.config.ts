import { defineConfig } from '@playwright/test';

// The browser of the system: Playwright's own would have to be downloaded from elsewhere.
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const engines = (process.env.TEST_ENGINES ?? 'sqlite,postgres').split(',');
// What only reads is the same on every engine; E2E_POSTGRES=all runs it on PostgreSQL, too.
const writing = ['archives.spec.ts', 'audit.spec.ts', 'clear.spec.ts', 'import.spec.ts', 'restore.spec.ts'];
const onPostgres = process.env.E2E_POSTGRES === 'all' ? {} : { testMatch: writing };

export default defineConfig<{ engine: 'sqlite' | 'postgres' }>({
  testDir: 'e2e',
  outputDir: 'test-results',
  fullyParallel: true,
  workers: 2,
  forbidOnly: true,
  reporter: 'list',
  timeout: 60_000,
  expect: { timeout: 10_000 },
  use: {
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: 'off',
    launchOptions: {
      executablePath,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: (['sqlite', 'postgres'] as const)
    .filter((engine) => engines.includes(engine))
    .map((engine) => ({ name: engine, use: { engine }, ...(engine === 'postgres' ? onPostgres : {}) })),
});
