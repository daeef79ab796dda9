// What every story gets: a signed-in page that fails the story on any console error, page error or failed request.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test as base, expect, type Page } from 'playwright/test';

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the stories with "npm run e2e"`);
  return value;
}

export const instance = {
  get url() {
    return given('E2E_URL');
  },
  get setupToken() {
    return given('E2E_SETUP_TOKEN');
  },
  get workDir() {
    return given('E2E_WORK_DIR');
  },
  get dataDir() {
    return given('E2E_DATA_DIR');
  },
};

export const OWNER = { name: 'Ada Example', email: 'ada@example.org', password: 'a long sentence is a fine password' };

/** Where the set-up story keeps the owner's session for the stories after it. */
export function sessionFile(): string {
  return join(instance.workDir, 'session.json');
}

interface Fixtures {
  /** Collects what went wrong in the browser; a story that expects an error takes it out with allow(). */
  browserErrors: { allow(pattern: RegExp): void };
  signedIn: Page;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: the fixture API asks for a destructured first parameter
  baseURL: async ({}, use) => {
    await use(instance.url);
  },
  browserErrors: [
    async ({ context }, use) => {
      const found: string[] = [];
      const allowed: RegExp[] = [];
      const watch = (page: Page) => {
        page.on('console', (message) => {
          if (message.type() === 'error') found.push(`console: ${message.text()} (${message.location().url})`);
        });
        page.on('pageerror', (error) => found.push(`page: ${error.stack ?? error.message}`));
        page.on('response', (response) => {
          if (response.status() >= 500) found.push(`answer ${response.status()}: ${response.url()}`);
        });
      };
      context.pages().forEach(watch);
      context.on('page', watch);
      await use({ allow: (pattern) => allowed.push(pattern) });
      const unexpected = found.filter((line) => !allowed.some((pattern) => pattern.test(line)));
      expect(unexpected, 'errors in the browser').toEqual([]);
    },
    { auto: true },
  ],
  signedIn: async ({ context, page }, use) => {
    // The set-up story left its session here: signing in once per story would meet the rate limit.
    const state = JSON.parse(await readFile(sessionFile(), 'utf8'));
    await context.addCookies(state.cookies);
    await use(page);
  },
});

export { expect };
