import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Vite would otherwise leave package.json `imports` with .ts paths to Node, and Node's types-only stripping to itself: fine.
  test: {
    include: ['{lib,app,components,workers,bin,scripts,testing}/**/*.test.{ts,tsx}'],
    globalSetup: ['./testing/global-setup.ts'],
    // Real servers and real files on two cores shared with them.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    env: { HOLDFAST_LOG_LEVEL: 'silent' },
    // A test that was focused and forgotten would hide all others of its file.
    allowOnly: !process.env.CI,
  },
});
