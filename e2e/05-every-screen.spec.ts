// Every screen with data in it: accessible by axe's rules in both themes and at both widths, never wider than the window, and
// usable with the keyboard alone.

import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright/test';
import { listing } from '#lib/engine/oracle/listing.ts';
import type { Api } from './api.ts';
import { answered, expect, test } from './fixtures.ts';
import { instance } from './running.ts';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const DESK = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
/** Backwards through a page costs no more than this many stops. */
const MOST_TAB_STOPS = 80;

test.use({ contextOptions: { reducedMotion: 'reduce' } });

interface Ids {
  source: string;
  vault: string;
  points: string[];
  runs: Record<'succeeded' | 'warning' | 'failed' | 'cancelled' | 'restore', string>;
}

/** Asked for once: nothing here makes runs or points that the screens are opened with. */
let known: Promise<Ids> | undefined;
function ids(api: Api): Promise<Ids> {
  known ??= askIds(api);
  return known;
}

async function askIds(api: Api): Promise<Ids> {
  const sources = await api.sources();
  const source = sources.find(({ name }) => name === 'documents')?.id ?? '';
  const run = async (query: string) =>
    (await api.get<{ items: { id: string }[] }>(`/runs?limit=1&${query}`)).items[0]?.id ?? `no run with ${query}`;
  return {
    source,
    vault: (await api.vaults()).find(({ name }) => name === 'Cellar')?.id ?? '',
    points: (await api.points(source)).map(({ id }) => id),
    runs: {
      succeeded: await run('outcome=succeeded&kind=backup'),
      warning: await run('outcome=warning'),
      failed: await run('outcome=failed'),
      cancelled: await run('outcome=cancelled'),
      restore: await run('kind=restore'),
    },
  };
}

const SCREENS: Record<string, (ids: Ids) => string> = {
  overview: () => '/',
  sources: () => '/sources',
  'one source': ({ source }) => `/sources/${source}`,
  'starting a backup': ({ source }) => `/sources/${source}?backup=1`,
  'changing a source': ({ source }) => `/sources/${source}?edit=1`,
  'deleting a source': ({ source }) => `/sources/${source}?delete=1`,
  'a new source': () => '/sources/new',
  vaults: () => '/vaults',
  'one vault': ({ vault }) => `/vaults/${vault}`,
  'a new vault': () => '/vaults/new',
  'recovery points': () => '/recovery-points',
  'one recovery point': ({ points }) => `/recovery-points/${points[0]}`,
  'a folder of odd names': ({ points }) =>
    `/recovery-points/${points[0]}?path=${encodeURIComponent(join(instance.root, 'documents', 'odd'))}`,
  'a comparison': ({ points }) => `/recovery-points/${points[0]}/compare?with=${points[1]}`,
  'what to restore': ({ points }) => `/recovery-points/${points[0]}/restore`,
  'where to restore': ({ points }) => `/recovery-points/${points[0]}/restore?step=where`,
  runs: () => '/runs',
  'a run that succeeded': ({ runs }) => `/runs/${runs.succeeded}`,
  'a run with a warning': ({ runs }) => `/runs/${runs.warning}`,
  'a run that failed': ({ runs }) => `/runs/${runs.failed}`,
  'a cancelled run': ({ runs }) => `/runs/${runs.cancelled}`,
  'a restore': ({ runs }) => `/runs/${runs.restore}`,
  workers: () => '/workers',
  account: () => '/settings',
  'the guided steps': () => '/welcome',
  'a page that is not there': () => '/nowhere',
};

/** Until nothing on the page is a placeholder any more. */
async function settled(page: Page): Promise<void> {
  // By its tag: behind an open dialog it has no role.
  await expect(page.locator('h1')).toBeVisible();
  await expect(page.locator('.animate-skeleton')).toHaveCount(0);
}

/** A theme changes colours and nothing else: the dark one is looked at for contrast. */
async function violations(page: Page, theme: 'light' | 'dark'): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (theme === 'light' ? axe.withTags(RULES) : axe.withRules('color-contrast')).analyze();
  return violations.map(
    ({ id, help, nodes }) =>
      `${id} (${help}): ${nodes
        .map(({ target, any }) => `${target} ${any[0]?.message ?? ''}`)
        .slice(0, 3)
        .join(' | ')}`,
  );
}

/** Until the new theme and size are on the screen: a dialog on a phone slides, and colours that are half changed have no contrast. */
async function drawn(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    // One that never ends is no change of theme.
    const ending = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map((animation) => animation.finished));
    await frame();
  });
}

async function widerThanWindow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

async function look(page: Page): Promise<void> {
  const found: string[] = [];
  for (const size of [DESK, PHONE]) {
    await page.setViewportSize(size);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await drawn(page);
      const where = `${size.width} px, ${colorScheme}`;
      for (const violation of await violations(page, colorScheme)) found.push(`${where}: ${violation}`);
      const over = await widerThanWindow(page);
      if (over > 0) found.push(`${where}: ${over} px wider than the window`);
    }
  }
  expect(found).toEqual([]);
}

for (const [name, address] of Object.entries(SCREENS)) {
  test(`accessible at both widths, light and dark: ${name}`, async ({ signedIn: page, api, browserErrors }) => {
    if (name === 'a page that is not there') browserErrors.allow(answered(404));
    await page.goto(address(await ids(api)));
    await settled(page);
    await look(page);
  });
}

test('accessible at both widths, light and dark: sign-in', async ({ page }) => {
  await page.goto('/sign-in');
  await settled(page);
  await look(page);
});

test('accessible: the palette, the list of shortcuts, a menu', async ({ signedIn: page }) => {
  await page.goto('/vaults');
  await settled(page);
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Search everything' })).toBeVisible();
  await look(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await look(page);
  await page.keyboard.press('Escape');
});

test('the palette opens with Ctrl-K and leads to a vault by its name', async ({ signedIn: page, api }) => {
  const { vault } = await ids(api);
  await page.goto('/runs');
  await settled(page);
  await page.keyboard.press('Control+k');
  const box = page.getByRole('combobox', { name: /^Search pages/ });
  await expect(box).toBeFocused();
  await page.keyboard.type('cella');
  await expect(page.getByRole('option', { name: /^Cellar/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`/vaults/${vault}`);
});

test('"?" lists the keys, "g v" goes to the vaults, and typing into a field is left alone', async ({
  signedIn: page,
}) => {
  await page.goto('/');
  await settled(page);
  await page.keyboard.press('?');
  const list = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(list).toContainText('Search everything');
  await page.keyboard.press('Escape');
  await expect(list).toBeHidden();
  await page.keyboard.press('g');
  await page.keyboard.press('v');
  await expect(page).toHaveURL('/vaults');
  await page.goto('/vaults/new');
  await page.getByRole('textbox', { name: 'Name' }).focus();
  await page.keyboard.type('gov?');
  await expect(page).toHaveURL('/vaults/new');
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('gov?');
  // Leaving with something typed asks; this browser leaves.
  page.on('dialog', (dialog) => dialog.accept());
});

test('j, k and Enter walk a list and open a row', async ({ signedIn: page }) => {
  await page.goto('/runs');
  await settled(page);
  const rows = page.getByRole('table').locator('a[data-row]');
  await page.keyboard.press('j');
  await expect(rows.nth(0)).toBeFocused();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await expect(rows.nth(2)).toBeFocused();
  await page.keyboard.press('k');
  await expect(rows.nth(1)).toBeFocused();
  const href = await rows.nth(1).getAttribute('href');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(href ?? '');
});

/** Presses Tab until it is there, as a person without a mouse does. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted).toBeVisible();
  for (let stop = 0; stop < MOST_TAB_STOPS; stop++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${wanted}`);
}

test('a folder is restored with the keyboard alone', async ({ signedIn: page, api }) => {
  const { points } = await ids(api);
  const target = join(instance.root, 'by keyboard');
  await page.goto(`/recovery-points/${points.at(-1)}/restore`);
  await settled(page);
  await tabTo(page, page.getByRole('radio', { name: 'Everything' }));
  await page.keyboard.press('ArrowDown');

  const choose = page.getByRole('dialog', { name: 'Choose what to restore' });
  const grid = choose.getByRole('grid');
  await tabTo(page, grid);
  await expect(grid.getByRole('row', { name: /odd/ })).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(grid).toHaveAccessibleName(/\/odd$/);
  // Folders first: files, links, sub, times.
  for (let row = 0; row < 3; row++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Space');
  await expect(grid.getByRole('row', { selected: true })).toContainText('times');
  await tabTo(page, choose.getByRole('button', { name: /^Choose 1/ }));
  await page.keyboard.press('Enter');
  await expect(choose).toBeHidden();

  await tabTo(page, page.getByRole('button', { name: 'Continue' }));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('radio', { name: 'The original place' }));
  await page.keyboard.press('ArrowDown');
  await tabTo(page, page.getByRole('combobox', { name: 'Folder' }));
  await page.keyboard.type(target);
  await tabTo(page, page.getByRole('button', { name: 'Review the changes' }));
  await page.keyboard.press('Enter');
  const start = page.getByRole('button', { name: /^Restore [\d,]+/ });
  await tabTo(page, start);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('region', { name: 'Result' })).toBeVisible({ timeout: 30_000 });
  const all = listing(join(instance.root, 'documents'));
  const times = Object.entries(all).filter(([path]) => path.startsWith('/odd/times'));
  expect(times.length).toBe(7);
  expect(Object.entries(listing(target)).filter(([path]) => path.includes('/times'))).toEqual(times);
});
