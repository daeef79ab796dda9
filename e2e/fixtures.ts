// What every story gets: a page that fails the story on any console error, page error or 5xx answer, and the owner's session.

import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BrowserContext, test as base, expect, type Page } from 'playwright/test';
import { Api } from './api.ts';
import { instance } from './running.ts';

export const OWNER = { name: 'Ada Example', email: 'ada@example.org', password: 'a long sentence is a fine password' };

/** Where the set-up story keeps the owner's session for the stories after it: signing in once per story would meet the rate limit. */
function sessionFile(): string {
  return join(instance.root, 'session.json');
}

export async function keepSession(context: BrowserContext): Promise<void> {
  const { cookies } = await context.storageState();
  await writeFile(sessionFile(), JSON.stringify(cookies));
}

/** What Chromium prints for every answer of that status; a story that provokes one allows it. */
export function answered(...statuses: number[]): RegExp {
  return new RegExp(
    `^console: Failed to load resource: the server responded with a status of (?:${statuses.join('|')})`,
  );
}

/** What it prints while the server cannot be reached. */
export const UNREACHABLE =
  /^console: Failed to load resource: net::ERR_(?:CONNECTION_|INTERNET_DISCONNECTED|NETWORK_|EMPTY_|INCOMPLETE_|ABORTED|FAILED)/;

export interface BrowserErrors {
  /** Takes out what the story itself provokes. */
  allow(...patterns: RegExp[]): void;
}

interface Fixtures {
  browserErrors: BrowserErrors;
  /** The page, with the owner signed in. */
  signedIn: Page;
  /** The console's API with the owner's session. */
  api: Api;
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
      await use({ allow: (...patterns) => allowed.push(...patterns) });
      const unexpected = found.filter((line) => !allowed.some((pattern) => pattern.test(line)));
      expect(unexpected, 'errors in the browser').toEqual([]);
    },
    { auto: true },
  ],
  signedIn: async ({ context, page }, use) => {
    await context.addCookies(await readSession());
    await use(page);
  },
  // biome-ignore lint/correctness/noEmptyPattern: the fixture API asks for a destructured first parameter
  api: async ({}, use) => {
    const cookies = await readSession();
    await use(new Api(cookies.map(({ name, value }) => `${name}=${value}`).join('; ')));
  },
});

/** Pictures for the README, when asked for: HOLDFAST_SCREENSHOTS=1 npm run e2e. */
export async function picture(page: Page, name: 'overview' | 'run' | 'browse'): Promise<void> {
  if (process.env.HOLDFAST_SCREENSHOTS !== '1') return;
  // Tooltips and hover belong to whoever moves the mouse.
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `docs/screenshots/${name}.png`, animations: 'disabled' });
}

async function readSession(): Promise<Awaited<ReturnType<BrowserContext['cookies']>>> {
  if (!existsSync(sessionFile())) throw new Error('Nobody is signed in: the set-up story did not come to its end.');
  return JSON.parse(await readFile(sessionFile(), 'utf8'));
}

export { expect };

/** Id of the run whose page is shown. Waits for that page, and for another run than `notThis` when one is named. */
export async function shownRun(page: Page, notThis?: string): Promise<string> {
  const id = () => /^\/runs\/([0-9a-f-]{36})$/.exec(new URL(page.url()).pathname)?.[1] ?? '';
  await expect.poll(id).not.toMatch(new RegExp(`^(${notThis ?? ''})?$`));
  return id();
}
