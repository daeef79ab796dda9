import { defineConfig } from 'playwright/test';

// One Holdfast is started for the whole run (e2e/instance.ts) and the stories use it in order, as one administrator would:
// each spec leaves what the next needs. That is what a backup console is: state that lives on.
export default defineConfig({
  testDir: 'e2e',
  testMatch: '**/*.spec.ts',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
  globalSetup: './e2e/global-setup.ts',
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 900 },
    // Recording costs as much processor time as the browser itself; for a closer look: HOLDFAST_TEST_TRACE=1.
    trace: process.env.HOLDFAST_TEST_TRACE === '1' ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      // Debian's browser: nothing is downloaded. The flags keep it from calling home and let it run as root.
      executablePath: process.env.HOLDFAST_TEST_CHROMIUM ?? '/usr/bin/chromium',
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
});
