// What is in a recovery point, what changed since, and getting it back: to a new folder, and over the original.

import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Download, Locator, Page } from 'playwright/test';
import type { RestorePlanView } from '#lib/contracts/restores.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { listing } from '#lib/engine/oracle/listing.ts';
import { ODD_NAMES } from '#lib/engine/oracle/odd-folder.ts';
import type { Api } from './api.ts';
import { answered, expect, picture, test } from './fixtures.ts';
import { instance } from './running.ts';
import { readZip } from './zip.ts';

const DOCUMENTS = join(instance.root, 'documents');
const ODD = join(DOCUMENTS, 'odd');

/** The folder as the first backup saw it. */
let before: Record<string, string>;
let sourceId: string;
let firstPoint: string;

test.beforeAll(() => {
  // Kept in a file: after a failed story the next ones run in another process, and the folder has changed by then.
  const file = join(instance.root, 'before.json');
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(listing(DOCUMENTS)));
  before = JSON.parse(readFileSync(file, 'utf8'));
});

test.beforeEach(async ({ api }) => {
  sourceId = (await api.sources()).find((source) => source.name === 'documents')?.id ?? '';
  firstPoint = (await api.points(sourceId)).at(-1)?.id ?? '';
});

async function openFolder(page: Page, point: string, folder: string): Promise<Locator> {
  await page.goto(`/recovery-points/${point}?path=${encodeURIComponent(folder)}`);
  const grid = page.getByRole('grid');
  await expect(grid).toHaveAccessibleName(`Entries of ${folder}`);
  return grid;
}

async function bytesOf(download: Promise<Download>): Promise<Buffer> {
  return readFileSync(await (await download).path());
}

test('a recovery point is walked like a folder, sorted, and searched', async ({ signedIn: page }) => {
  await page.goto(`/recovery-points/${firstPoint}`);
  const grid = page.getByRole('grid');
  await expect(grid).toHaveAccessibleName(`Entries of ${DOCUMENTS}`);
  await grid.getByRole('button', { name: 'doc', exact: true }).click();
  await expect(grid).toHaveAccessibleName(`Entries of ${DOCUMENTS}/doc`);
  await picture(page, 'browse');
  await page.getByRole('button', { name: 'Up', exact: true }).click();
  await grid.getByRole('button', { name: 'odd', exact: true }).click();
  await expect(page.getByText(`${ODD_NAMES.length + 4} entries`)).toBeVisible();
  await grid.getByRole('button', { name: 'files', exact: true }).click();
  await expect(page).toHaveURL(/path=.*odd%2Ffiles/);

  await grid.getByRole('button', { name: 'Size' }).click();
  await expect(grid.getByRole('row').nth(1)).toContainText('zeros');
  await expect(grid.getByRole('columnheader', { name: 'Size' })).toHaveAttribute('aria-sort', 'descending');
  await grid.getByRole('button', { name: 'Size' }).click();
  await expect(grid.getByRole('row').nth(1)).toContainText('empty');

  await page.getByRole('searchbox', { name: 'Filter this folder' }).fill('CHUNK');
  await expect(page.getByText('3 of 13 entries')).toBeVisible();
  await expect(grid.getByRole('row')).toHaveCount(4);

  // Back leads to where one came from, and a link to the folder opens it.
  await page.getByRole('navigation', { name: 'Folder' }).getByRole('button', { name: 'odd', exact: true }).click();
  await expect(grid).toHaveAccessibleName(`Entries of ${ODD}`);
  await page.goBack();
  await expect(grid).toHaveAccessibleName(`Entries of ${ODD}/files`);
});

test('files are downloaded byte for byte, whatever they are called', async ({ signedIn: page }) => {
  const panel = page.getByRole('region', { name: 'Details of the entry' });
  let grid = await openFolder(page, firstPoint, `${ODD}/files`);
  await grid.getByText('large', { exact: true }).click();
  let coming = page.waitForEvent('download');
  await panel.getByRole('link', { name: 'Download' }).click();
  expect((await bytesOf(coming)).equals(readFileSync(`${ODD}/files/large`))).toBe(true);

  grid = await openFolder(page, firstPoint, ODD);
  for (const [shown, saved, index] of [
    ['quote"quote\'quote', "quote_quote'quote", 3],
    ['new\\nline', 'new_line', 5],
    // Chromium takes the invisible joiners out of a name that it saves.
    ['emoji 😀 and family 👨‍👩‍👧', undefined, 11],
    ['latin1 \\xe4\\xf6\\xfc', undefined, 25],
  ] as const) {
    await page.getByRole('searchbox', { name: 'Filter this folder' }).fill(shown.slice(0, 5));
    await expect(page.getByText(`of ${ODD_NAMES.length + 4} entries`)).toBeVisible();
    await grid.getByText(shown, { exact: true }).click();
    await expect(panel).toContainText(shown);
    coming = page.waitForEvent('download');
    await panel.getByRole('link', { name: 'Download' }).click();
    if (saved !== undefined) expect((await coming).suggestedFilename()).toBe(saved);
    expect((await bytesOf(coming)).toString()).toBe(`content of odd name ${index}\n`);
  }
});

test('a folder comes as tar with everything, and as zip with every byte', async ({ signedIn: page }) => {
  await openFolder(page, firstPoint, ODD);
  const menu = page.getByRole('button', { name: 'Download this folder' });
  await menu.click();
  let coming = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'As tar' }).click();
  const unpacked = join(instance.root, 'unpacked');
  mkdirSync(unpacked);
  execFileSync('tar', ['--warning=no-timestamp', '-xpf', await (await coming).path(), '-C', unpacked]);
  const inTar = join(unpacked, 'odd');
  expect(listing(inTar)).toEqual(listing(ODD));
  rmSync(unpacked, { recursive: true });

  await openFolder(page, firstPoint, `${ODD}/files`);
  await menu.click();
  coming = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'As zip' }).click();
  const zip = readZip(await bytesOf(coming));
  const names = execFileSync('find', ['files', '-type', 'f', '-printf', '%p\\n'], { cwd: ODD, encoding: 'utf8' });
  expect([...zip.keys()].sort()).toEqual(names.trim().split('\n').sort());
  for (const [name, content] of zip) expect(content.equals(readFileSync(join(ODD, name))), name).toBe(true);
});

test('a second backup is compared with the first: what was added, removed and changed, and nothing else', async ({
  signedIn: page,
  api,
}) => {
  writeFileSync(`${ODD}/files/text`, 'A new text.\n');
  writeFileSync(`${ODD}/files/added later`, 'was not there');
  rmSync(`${ODD}/files/one byte`);
  rmSync(`${ODD}/sub/deep`, { recursive: true });
  chmodSync(`${ODD}/files/read only`, 0o640);

  await page.goto(`/sources/${sourceId}`);
  await page.getByRole('button', { name: 'Back up now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Back up now' }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByRole('link', { name: 'Open the recovery point' })).toBeVisible();
  const run = await api.run(page.url().split('/').at(-1) ?? '');
  // Changed: the text, and the file with another mode, which is read again because its change time differs.
  expect(run).toMatchObject({ outcome: 'succeeded', result: { filesNew: 1, filesChanged: 2 } });
  // Only what changed was stored.
  expect(run.result?.kind === 'backup' ? run.result.addedBytes : Number.NaN).toBeLessThan(100_000);

  await page.getByRole('link', { name: 'Open the recovery point' }).click();
  await page.getByRole('link', { name: /^Compare/ }).click();
  await expect(page.getByRole('heading', { name: 'What changed' })).toBeVisible();
  const list = page.getByRole('list', { name: 'Changes' });
  for (const [kind, paths] of [
    ['Added', ['added later']],
    ['Removed', ['one byte', 'deep', 'er', 'and', 'deeper', 'file']],
    ['Changed', ['text']],
  ] as const) {
    await page.getByRole('group', { name: 'Kind of change' }).getByRole('button', { name: kind, exact: true }).click();
    await expect(list.getByRole('listitem')).toHaveCount(paths.length);
    const shown = await list.getByRole('link').evaluateAll((links) => links.map((link) => link.getAttribute('title')));
    expect(shown.map((path) => path?.split('/').at(-1)).sort()).toEqual([...paths].sort());
  }
  await page.getByRole('group', { name: 'Kind of change' }).getByRole('button', { name: 'Only metadata' }).click();
  await expect(list.getByRole('link', { name: 'read only' })).toBeVisible();
});

/** From the review to the end of the restore run. */
async function restoreAndWait(page: Page, api: Api): Promise<RunView> {
  await page.getByRole('button', { name: /^Restore [\d,]+.(files?|entr)/ }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(page.getByRole('region', { name: 'Result' })).toBeVisible({ timeout: 60_000 });
  return api.run(page.url().split('/').at(-1) ?? '');
}

async function planOnScreen(page: Page, api: Api): Promise<RestorePlanView> {
  await expect(page.getByText('Kept as they are')).toBeVisible({ timeout: 30_000 });
  return api.get(`/restores/plans/${new URL(page.url()).searchParams.get('plan')}`);
}

async function figure(page: Page, name: string): Promise<string | undefined> {
  return (await page.locator('dt', { hasText: name }).locator('+ dd').textContent())?.split(/\s/)[0];
}

test('a restore into a new folder brings back every file as it was', async ({ signedIn: page, api, browserErrors }) => {
  // The folder picker asks for a folder that is still to be made.
  browserErrors.allow(answered(404));
  const target = join(instance.root, 'restored', 'here');
  await page.goto(`/recovery-points/${firstPoint}`);
  await page.getByRole('link', { name: 'Restore', exact: true }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('radio', { name: 'Another folder' }).click();
  await page.getByRole('combobox', { name: 'Folder' }).fill(target);
  await expect(page.getByText('it will be made').first()).toBeVisible();
  await page.getByRole('button', { name: 'Review the changes' }).click();
  const plan = await planOnScreen(page, api);
  expect(plan.summary).toMatchObject({ overwrite: { count: 0 }, keep: { count: 0 }, extra: { count: 0 } });
  const run = await restoreAndWait(page, api);
  expect(run).toMatchObject({ outcome: 'succeeded', result: { problemCount: 0 } });
  expect(listing(target)).toEqual(before);
  rmSync(join(instance.root, 'restored'), { recursive: true });
});

test('a restore over the original shows what it replaces, asks once more, and leaves what it does not know', async ({
  signedIn: page,
  api,
}) => {
  appendFileSync(`${ODD}/links/first`, ' and more');
  await page.goto(`/recovery-points/${firstPoint}/restore`);
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('radio', { name: 'The original place' })).toBeChecked();
  await page.getByRole('button', { name: 'Review the changes' }).click();
  const { summary } = await planOnScreen(page, api);
  const paths = (action: string) =>
    summary?.changes
      .filter((change) => change.action === action)
      .map(({ target }) => target.slice(ODD.length))
      .sort();
  // One file under three names: it is replaced where it stands first, and the other names are tied to it again.
  const linked = ['/links/first', '/links/second', '/sub/third elsewhere'];
  expect(paths('overwrite')).toEqual(['/files/text', ...linked].sort());
  expect(paths('create')).toEqual(
    ['/files/one byte', '/sub/deep', '/sub/deep/er', '/sub/deep/er/and', '/sub/deep/er/and/deeper'].concat(
      '/sub/deep/er/and/deeper/file',
    ),
  );
  expect(summary).toMatchObject({ extra: { count: 1 }, unsupported: { count: 0 } });
  expect(await figure(page, 'Overwritten')).toBe('4');
  expect(await figure(page, 'Created')).toBe('6');
  expect(await figure(page, 'Only there, stay')).toBe('1');
  await page
    .getByRole('group', { name: 'Changes to show' })
    .getByRole('button', { name: /^Overwrite/ })
    .click();
  await expect(page.getByRole('list', { name: 'Changes' })).toContainText(`${ODD}/files/text`);

  const start = page.getByRole('button', { name: /^Restore [\d,]+/ });
  await expect(start).toBeDisabled();
  await page.getByRole('checkbox', { name: /^Yes, replace/ }).check();
  const run = await restoreAndWait(page, api);
  expect(run).toMatchObject({ outcome: 'succeeded', result: { problemCount: 0 } });

  const after = listing(DOCUMENTS);
  expect(after['/odd/files/added later']).toContain(`size ${'was not there'.length},`);
  delete after['/odd/files/added later'];
  expect(after).toEqual(before);
});

test('a plan starts one restore: a second look at it offers to look again', async ({ signedIn: page, api }) => {
  const [last] = (await api.get<{ items: RunView[] }>('/runs?kind=restore&limit=1')).items;
  const plan = last?.input.kind === 'restore' ? last.input.planId : undefined;
  await page.goto(`/recovery-points/${firstPoint}/restore?plan=${plan}`);
  await expect(page.getByText('This plan has been used.')).toBeVisible();
  await page.getByRole('button', { name: 'Look again' }).click();
  const { summary } = await planOnScreen(page, api);
  expect(summary).toMatchObject({ create: { count: 0 }, overwrite: { count: 0 }, extra: { count: 1 } });
  await expect(page.getByRole('button', { name: 'Nothing to restore' })).toBeDisabled();
});
