// A run is followed by several tabs, through a dropped network and a dead web process, and cancelled from the screen.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright/test';
import type { RunView } from '#lib/contracts/runs.ts';
import type { Api } from './api.ts';
import { answered, expect, picture, shownRun, test, UNREACHABLE } from './fixtures.ts';
import { openLine } from './line.ts';
import { judges, readKit, restic } from './restic.ts';
import { instance } from './running.ts';
import { makeBulk } from './tree.ts';

const VAULT = join(instance.root, 'vaults', 'cellar');
const FILES = 28;
const MEBIBYTES_EACH = 24;
/** A worker that is asked to stop lets a run end that needs no more than two seconds: this one needs more on any machine. */
const MORE_THAN_THE_GRACE = 48;
/** On an idle machine it takes a few hundred milliseconds; the tests may share theirs. */
const MOST_CANCEL_MS = 10_000;

/** What the big bar of a run's page says, in per cent. */
async function shown(page: Page): Promise<number> {
  const bar = page.getByRole('region', { name: 'Progress' }).getByRole('progressbar');
  return Number((await bar.getAttribute('aria-valuenow', { timeout: 1_000 }).catch(() => null)) ?? 0);
}

async function untilShown(page: Page, percent: number): Promise<void> {
  await expect.poll(() => shown(page), { intervals: [50], timeout: 40_000 }).toBeGreaterThan(percent);
}

/** Until the row says so: what a page reads that is opened now. News is faster (two a second) than the row (one). */
async function untilWritten(api: Api, id: string, percent: number): Promise<void> {
  await api.untilRun(id, ({ progress }) => {
    const { bytesDone = 0, bytesTotal = Number.POSITIVE_INFINITY } = progress ?? {};
    return (100 * bytesDone) / bytesTotal > percent;
  });
}

/** New bytes on every call, so that each backup has work to do. */
async function startBulk(page: Page, name: string, files = FILES): Promise<void> {
  makeBulk(join(instance.root, name), files, MEBIBYTES_EACH);
  await page.goto('/sources/new');
  await page.getByRole('combobox', { name: 'Folder' }).fill(join(instance.root, name));
  await page.getByRole('textbox', { name: 'Name' }).fill(name);
  await page.getByRole('button', { name: 'Add and back up' }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]+$/);
}

async function sameSession(from: BrowserContext, to: BrowserContext): Promise<Page> {
  await to.addCookies(await from.cookies());
  return to.newPage();
}

test('two tabs and another browser follow one run, and the one that lost its network catches up by itself', async ({
  signedIn: page,
  context,
  browser,
  api,
}) => {
  const line = await openLine();
  const elsewhere = await browser.newContext({ baseURL: line.url });
  const third = await sameSession(context, elsewhere);
  await startBulk(page, 'film');
  await untilShown(page, 1);
  await untilWritten(api, await shownRun(page), 1);
  const second = await context.newPage();
  const row = second.getByRole('row', { name: /Backup of film/ });
  const frozen = await instance.withWorkerHeld(async () => {
    await Promise.all([second.goto(page.url()), third.goto(new URL(page.url()).pathname)]);
    await untilShown(second, 1);
    await untilShown(third, 1);
    line.cut();
    await elsewhere.setOffline(true);
    return shown(third);
  });
  await untilShown(page, frozen + 5);
  await untilShown(second, frozen + 5);
  expect(await shown(third), 'without a network').toBe(frozen);

  await untilWritten(api, await shownRun(page), frozen + 5);
  if (process.env.HOLDFAST_SCREENSHOTS === '1') await untilShown(page, 40);
  await instance.withWorkerHeld(async () => {
    await picture(page, 'run');
    line.mend();
    await elsewhere.setOffline(false);
    // What was missed is not the point, what is true now is.
    await untilShown(third, frozen + 4);
    // Overview and list of runs show it as well.
    await second.goto('/');
    await expect(second.getByRole('progressbar', { name: /Backing up film/ }).first()).toBeVisible();
    await second.goto('/runs');
    await expect(row).toContainText('Running');
    await expect(row.getByRole('progressbar')).toHaveAttribute('aria-valuenow', /\d/);
  });

  await api.untilFinished(await shownRun(page));
  for (const tab of [page, third])
    await expect(tab.getByRole('link', { name: 'Open the recovery point' })).toBeVisible();
  await expect(row).toContainText('Succeeded');
  await second.goto('/');
  await expect(second.getByRole('table').getByText('Protected')).toHaveCount(2);
  await picture(second, 'overview');
  await elsewhere.close();
  line.close();
});

test('a run is cancelled from its page: no recovery point, no lock, a clean vault', async ({ signedIn: page, api }) => {
  await startBulk(page, 'cancelled');
  await untilShown(page, 3);
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  const asked = Date.now();
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the backup' }).click();
  await expect(page.getByText('Nothing was left behind').first()).toBeVisible();
  const run = await api.untilFinished(await shownRun(page));
  expect(run).toMatchObject({ outcome: 'cancelled', result: null, recoveryPointId: null });
  expect(run.progress?.bytesDone).toBeLessThan(FILES * MEBIBYTES_EACH * 1024 * 1024);
  expect(Date.parse(run.finishedAt ?? '') - asked, 'ms from the wish to the end').toBeLessThan(MOST_CANCEL_MS);

  expect(await api.points(run.source?.id ?? '')).toEqual([]);
  expect(readdirSync(join(VAULT, 'locks'))).toEqual([]);
  const kit = readKit(readFileSync(join(instance.root, 'kit.txt'), 'utf8'));
  expect(restic(judges()[0] as ReturnType<typeof judges>[number], kit, ['check'])).toContain('no errors were found');
});

test('a tab outlives the web process: it says that news is missing, and goes on by itself after the restart', async ({
  signedIn: page,
  api,
  browserErrors,
}) => {
  test.setTimeout(150_000);
  browserErrors.allow(UNREACHABLE, answered(503));
  await startBulk(page, 'interrupted', MORE_THAN_THE_GRACE);
  await untilShown(page, 3);
  process.kill(await instance.pid('web'), 'SIGKILL');
  // One part that dies takes the others down in order, and the supervisor says so.
  await instance.untilEnded();
  expect(await instance.output()).toContain('The web server ended unexpectedly (killed by SIGKILL)');
  await expect(page.getByText('No live news from the console.')).toBeVisible();

  await instance.start();
  await expect(page.getByText('No live news from the console.')).toBeHidden({ timeout: 30_000 });
  // The worker was asked to stop, which ends a backup without harm; the page says so without a reload.
  const again = page.getByRole('button', { name: 'Back up again' });
  await expect(again).toBeVisible();
  const broken = await api.run(await shownRun(page));
  expect(broken).toMatchObject({ state: 'finished', outcome: 'failed', error: { code: 'unavailable' } });
  await expect(page.getByRole('main').getByRole('alert')).toContainText(broken.error?.message ?? 'no message');
  expect(readdirSync(join(VAULT, 'locks'))).toEqual([]);

  await again.click();
  const repeated: RunView = await api.untilFinished(await shownRun(page, broken.id));
  expect(repeated).toMatchObject({ outcome: 'succeeded', retryOfId: broken.id });
  await expect(page.getByRole('link', { name: 'Open the recovery point' })).toBeVisible();
});
