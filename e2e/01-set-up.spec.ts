// From an empty console to a first backup, as the person who started it does it, and what stock restic says of the result.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright/test';
import type { RunView } from '#lib/contracts/runs.ts';
import { listing } from '#lib/engine/oracle/listing.ts';
import { Api } from './api.ts';
import { answered, expect, keepSession, OWNER, test } from './fixtures.ts';
import { judges, pasteKit, readKit, restic } from './restic.ts';
import { instance } from './running.ts';
import { makeSource } from './tree.ts';

const DOCUMENTS = join(instance.root, 'documents');
/** What the worker knows, the browser shows within this. */
const WITHIN_MS = 1_000;
const VAULT = join(instance.root, 'vaults', 'cellar');
const KIT_FILE = join(instance.root, 'kit.txt');

test.describe.configure({ mode: 'serial' });

test.beforeAll(() => makeSource(DOCUMENTS));

/** Goes down from "/" by clicking each folder in the list. */
async function pickFolder(page: Page, box: string, path: string): Promise<void> {
  let at = '';
  for (const name of path.split('/').filter(Boolean)) {
    const list = page.getByRole('listbox', { name: `Folders in ${at || '/'}`, exact: true });
    await list.getByRole('option', { name, exact: true }).click();
    at += `/${name}`;
    await expect(page.getByRole('combobox', { name: box })).toHaveValue(at);
  }
}

test('a console without an owner leads to set-up, and refuses a wrong token in words', async ({
  page,
  browserErrors,
}) => {
  browserErrors.allow(answered(401, 403, 422, 400));
  await page.goto('/');
  await expect(page).toHaveURL(/\/set-up$/);
  await page.getByLabel('Set-up token').fill('aaaa-bbbb-cccc-dddd');
  await page.getByLabel('Your name').fill(OWNER.name);
  await page.getByLabel('Email').fill(OWNER.email);
  await page.getByLabel('Password', { exact: true }).fill('short');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page.getByText('Use at least 12 characters')).toBeVisible();
  await page.getByLabel('Password', { exact: true }).fill(OWNER.password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page.getByText('This is not the token of the running start.')).toBeVisible();
  await expect(page.getByLabel('Set-up token')).toHaveAttribute('aria-invalid', 'true');
  await expect(page).toHaveURL(/\/set-up$/);
});

test('the right token makes the owner, and four steps lead to a first backup that is watched live', async ({
  page,
  context,
  browserErrors,
}) => {
  browserErrors.allow(answered(401));
  await page.goto('/set-up');
  await page.getByLabel('Set-up token').fill(instance.setupToken);
  await page.getByLabel('Your name').fill(OWNER.name);
  await page.getByLabel('Email').fill(OWNER.email);
  await page.getByLabel('Password', { exact: true }).fill(OWNER.password);
  await page.getByRole('button', { name: 'Create the account' }).click();
  await expect(page).toHaveURL(/\/welcome$/);
  await keepSession(context);

  await test.step('a vault in a folder that does not exist yet, typed', async () => {
    await page.getByRole('textbox', { name: 'Name' }).fill('Cellar');
    await page.getByRole('combobox', { name: 'Folder' }).fill(VAULT);
    await expect(page.getByText('it will be made').first()).toBeVisible();
    await page.getByRole('textbox', { name: 'Zone' }).fill('cellar');
    await page.getByRole('button', { name: 'Create vault' }).click();
    await expect(page.getByText('Download the recovery kit')).toBeVisible();
    expect(readFileSync(join(VAULT, 'config')).length).toBeGreaterThan(32);
  });

  await test.step('no way on without the recovery kit', async () => {
    const on = page.getByRole('button', { name: 'Continue' });
    const stored = page.getByRole('checkbox', { name: 'I have stored it' });
    await expect(on).toBeDisabled();
    await expect(stored).toBeDisabled();
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the recovery kit' }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(/^holdfast-recovery-kit-.*\.txt$/);
    await download.saveAs(KIT_FILE);
    await expect(stored).toBeEnabled();
    await expect(on).toBeDisabled();
    await stored.check();
    await on.click();
  });

  await test.step('a source, picked folder by folder', async () => {
    await pickFolder(page, 'Folder to protect', DOCUMENTS);
    await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('documents');
    await page.getByRole('button', { name: 'Add the source' }).click();
  });

  await test.step('the first backup, to its end', async () => {
    await expect(page.getByRole('button', { name: 'Start the first backup' })).toBeVisible();
    await watchFiles(page);
    const api = new Api((await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; '));
    await page.getByRole('button', { name: 'Start the first backup' }).click();
    await expect(page.getByRole('progressbar', { name: 'First backup' })).toBeVisible();
    const truth = await sampleRow(api);
    await expect(page.getByText(/files backed up: .+, stored in/)).toBeVisible();
    const ended = Date.now();
    const seen = await seenFiles(page);

    const values = seen.map(({ value }) => value);
    expect(new Set(values).size, `files shown: ${values}`).toBeGreaterThan(3);
    expect(values, 'always forward').toEqual([...values].sort((a, b) => a - b));
    for (const { at, value } of truth.samples) {
      const shown = seen.findLast((one) => one.at <= at + WITHIN_MS)?.value ?? 0;
      expect(shown, `shown ${WITHIN_MS} ms after the worker said ${value}`).toBeGreaterThanOrEqual(value);
    }
    expect(ended - Date.parse(truth.run.finishedAt ?? ''), 'ms from the end to its sentence').toBeLessThan(WITHIN_MS);
    expect(truth.run).toMatchObject({ kind: 'backup', outcome: 'succeeded' });
  });

  await page.getByRole('link', { name: 'Look inside' }).click();
  await expect(page).toHaveURL(/\/recovery-points\//);
});

interface Seen {
  at: number;
  value: number;
}

/** Follows the row of the running backup to its end: how many files the worker says are done, and when that was read. */
async function sampleRow(api: Api): Promise<{ run: RunView; samples: Seen[] }> {
  const samples: Seen[] = [];
  let id: string | undefined;
  await expect(async () => {
    const { running, recent } = await api.overview();
    id = (running[0] ?? recent[0])?.id;
    expect(id).toBeDefined();
  }).toPass();
  const run = await api.untilFinished(id ?? '', 60_000, ({ state, progress }) => {
    if (state === 'running' && progress !== null) samples.push({ at: Date.now(), value: progress.filesDone });
  });
  return { run, samples };
}

/** Writes down every count of files that the step shows, with the browser's clock, which is the server's here. */
async function watchFiles(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: Seen[] = [];
    Object.assign(window, { seenFiles: seen });
    const look = () => {
      const text = document.querySelector('[aria-current="step"]')?.textContent ?? '';
      const figure = /([\d,]+) files, /.exec(text)?.[1];
      if (figure === undefined) return;
      const value = Number(figure.replaceAll(',', ''));
      if (seen.at(-1)?.value !== value) seen.push({ at: Date.now(), value });
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

function seenFiles(page: Page): Promise<Seen[]> {
  return page.evaluate(() => (window as unknown as { seenFiles: Seen[] }).seenFiles);
}

test('stock restic calls the vault clean and restores the same bytes with the password of the kit', () => {
  test.setTimeout(180_000);
  const kit = readKit(readFileSync(KIT_FILE, 'utf8'));
  expect(kit.location).toBe(VAULT);
  for (const judge of judges()) {
    expect(restic(judge, kit, ['check', '--read-data']), judge.label).toContain('no errors were found');
    const target = join(instance.root, 'by-restic');
    mkdirSync(target);
    // The kit's own line for it, pasted into a shell.
    const line = kit.commands.find((command) => command.startsWith('restic restore latest --target ./restored'));
    pasteKit(judge, kit, [line ?? 'false'], target);
    expectSameTree(
      join(target, 'restored', DOCUMENTS),
      DOCUMENTS,
      judge.losesLinkBytes ? ['/odd/links/bad target'] : [],
    );
    rmSync(target, { recursive: true });
  }
});

function expectSameTree(actual: string, expected: string, except: readonly string[]): void {
  const [is, should] = [listing(actual), listing(expected)];
  for (const path of except) for (const lines of [is, should]) delete lines[path];
  expect(Object.keys(should).length).toBeGreaterThan(100);
  expect(is).toEqual(should);
}

test('every command of a kit taken after the backup works as it stands in the file', async ({
  signedIn: page,
  api,
}) => {
  test.setTimeout(120_000);
  const [vault] = await api.vaults();
  await page.goto(`/vaults/${vault?.id}`);
  await page.getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Recovery kit' }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('dialog').getByRole('link', { name: 'Download it again' }).click();
  const text = readFileSync(await (await coming).path(), 'utf8');
  const kit = readKit(text);
  expect(kit.password).toBe(readKit(readFileSync(KIT_FILE, 'utf8')).password);
  const folder = join(instance.root, 'by-kit');
  mkdirSync(folder);
  // Reading every byte and restoring all was done above: here the shape of the other lines counts.
  const commands = kit.commands.filter((line) => !/^export|--read-data|--target \.\/restored$/.test(line));
  expect(commands).toHaveLength(5);
  const printed = pasteKit(judges().at(-1) as ReturnType<typeof judges>[number], kit, commands, folder);
  expect(printed).toContain('no errors were found');
  expect(printed).toContain('/odd/files/large');
  expect(readFileSync(join(folder, 'restored-part', DOCUMENTS, 'odd/files/text'))).toEqual(
    readFileSync(join(DOCUMENTS, 'odd/files/text')),
  );
  rmSync(folder, { recursive: true });
});
