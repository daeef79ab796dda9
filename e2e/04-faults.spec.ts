// What goes wrong: a worker that dies, sources that are not what they should be, folders that cannot become a vault. Each ends in
// a sentence, and nothing is lost.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listing } from '#lib/engine/oracle/listing.ts';
import { answered, expect, shownRun, test, UNREACHABLE } from './fixtures.ts';
import { judges, readKit, restic } from './restic.ts';
import { instance } from './running.ts';
import { startWorkerWithoutRootsEyes } from './second-worker.ts';
import { makeBulk } from './tree.ts';

const VAULT = join(instance.root, 'vaults', 'cellar');

function expectCleanVault(): void {
  const kit = readKit(readFileSync(join(instance.root, 'kit.txt'), 'utf8'));
  for (const judge of judges()) expect(restic(judge, kit, ['check']), judge.label).toContain('no errors were found');
}

test('a worker killed in the middle of a backup: the run is marked lost without a person, the vault is clean, a retry succeeds', async ({
  signedIn: page,
  api,
  browserErrors,
}) => {
  test.setTimeout(180_000);
  browserErrors.allow(UNREACHABLE, answered(503));
  makeBulk(join(instance.root, 'music'), 16, 24);
  const source = await api.addSource('music', join(instance.root, 'music'));
  const run = await api.backUp(source.id);
  await page.goto(`/runs/${run.id}`);
  await api.untilRun(run.id, ({ progress }) => (progress?.bytesStored ?? 0) > 20 * 1024 * 1024);
  process.kill(await instance.pid('worker'), 'SIGKILL');
  await instance.untilEnded();
  expect(await instance.output()).toContain('The worker ended unexpectedly (killed by SIGKILL)');

  await instance.start();
  await expect(page.getByRole('main').getByRole('alert')).toContainText(
    'stopped answering while this run was working',
    {
      timeout: 75_000,
    },
  );
  expect(await api.run(run.id)).toMatchObject({ state: 'finished', outcome: 'lost', recoveryPointId: null });
  expect(await api.points(source.id)).toEqual([]);
  expectCleanVault();

  await page.getByRole('button', { name: 'Back up again' }).click();
  const again = await api.untilFinished(await shownRun(page, run.id));
  expect(again).toMatchObject({ outcome: 'succeeded', retryOfId: run.id });
  // The lock that the dead process left is gone as well.
  expect(readdirSync(join(VAULT, 'locks'))).toEqual([]);
  expectCleanVault();
});

test('a source that is gone fails with its name and what to do; the points made before stay', async ({
  signedIn: page,
  api,
}) => {
  const folder = join(instance.root, 'short-lived');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a'), 'a');
  const source = await api.addSource('short-lived', folder);
  await api.untilFinished((await api.backUp(source.id)).id);
  renameSync(folder, `${folder}.gone`);

  await page.goto(`/sources/${source.id}?backup=1`);
  await page.getByRole('dialog').getByRole('button', { name: 'Back up now' }).click();
  await expect(page.getByText(`The folder "${folder}" does not exist on this host.`).first()).toBeVisible();
  await expect(page.getByText('check that it is mounted').first()).toBeVisible();
  expect(await api.run(await shownRun(page))).toMatchObject({ outcome: 'failed', error: { code: 'not-found' } });
  expect(await api.points(source.id)).toHaveLength(1);

  await page.goto('/');
  await expect(page.getByRole('main')).toContainText('short-lived');
  expect((await api.overview()).needsAttention.map((run) => run.source?.name)).toContain('short-lived');
  renameSync(`${folder}.gone`, folder);
});

test('an empty source makes a recovery point, but says that it is empty', async ({ signedIn: page, api }) => {
  const folder = join(instance.root, 'nothing');
  mkdirSync(folder);
  const source = await api.addSource('nothing', folder);
  const run = await api.backUp(source.id);
  await page.goto(`/runs/${run.id}`);
  const done = await api.untilFinished(run.id);
  expect(done).toMatchObject({ outcome: 'warning', result: { files: 0 } });
  const [warning] = done.result?.kind === 'backup' ? done.result.warnings : [];
  expect(warning).toMatch(/empty/);
  await expect(page.getByText(warning ?? 'no warning').first()).toBeVisible();
});

test('a file that the worker may not read: the run ends in a warning that names it, and everything else is kept', async ({
  signedIn: page,
  api,
}) => {
  const folder = join(instance.root, 'mixed');
  mkdirSync(join(folder, 'closed'), { recursive: true });
  writeFileSync(join(folder, 'open'), 'anyone');
  writeFileSync(join(folder, 'secret "letter"'), 'nobody', { mode: 0o000 });
  writeFileSync(join(folder, 'closed', 'inside'), 'unseen');
  execFileSync('chmod', ['000', join(folder, 'closed')]);
  const worker = await startWorkerWithoutRootsEyes('kiosk');
  try {
    await expect.poll(async () => (await api.workers()).find(({ name }) => name === 'kiosk')?.state).toBe('online');
    const source = await api.addSource('mixed', folder, 'kiosk');
    const run = await api.backUp(source.id);
    await page.goto(`/runs/${run.id}`);
    const done = await api.untilFinished(run.id);
    expect(done).toMatchObject({
      outcome: 'warning',
      result: { files: 1, problemCount: 2 },
      worker: { name: 'kiosk' },
    });
    const problems = page.getByRole('list', { name: 'Problems' });
    await expect(problems.getByRole('listitem')).toHaveCount(2);
    await expect(problems).toContainText(join(folder, 'secret "letter"'));
    await expect(problems).toContainText(join(folder, 'closed'));
    await expect(page.getByText('The recovery point was made, but').first()).toBeVisible();
  } finally {
    await worker.stop();
    execFileSync('chmod', ['700', join(folder, 'closed')]);
  }
  await expect.poll(async () => (await api.workers()).find(({ name }) => name === 'kiosk')?.state).toBe('stopped');
});

test('a folder that cannot become a vault is refused at its field and stays as it was', async ({
  signedIn: page,
  api,
  browserErrors,
}) => {
  browserErrors.allow(answered(400, 404, 409, 422));
  const kit = readKit(readFileSync(join(instance.root, 'kit.txt'), 'utf8'));
  const made = join(instance.root, 'not-vaults');
  const judge = judges()[0] as ReturnType<typeof judges>[number];
  mkdirSync(join(made, 'photos'), { recursive: true });
  writeFileSync(join(made, 'photos', 'one.jpg'), 'a picture');
  restic(judge, { ...kit, location: join(made, 'foreign') }, ['init', '--repository-version', '2']);
  execFileSync('cp', ['-a', join(made, 'foreign'), join(made, 'half')]);
  rmSync(join(made, 'half', 'config'));
  writeFileSync(join(made, 'a file'), 'a file');
  const as = listing(made);

  await page.goto('/vaults/new');
  await page.getByRole('textbox', { name: 'Name' }).fill('Second');
  const box = page.getByRole('combobox', { name: 'Folder' });
  for (const [path, sentence] of [
    [VAULT, 'This folder already belongs to the vault "Cellar".'],
    [join(VAULT, 'data'), 'lie in each other'],
    [join(made, 'half'), 'holds half a repository'],
    [join(made, 'foreign'), 'already is a restic repository'],
    [join(made, 'photos'), 'is not empty and not a repository: it holds "one.jpg"'],
    [join(made, 'a file'), 'is a file, not a folder'],
    [join(made, 'a file', 'below'), 'is a file, not a folder'],
    [join(instance.dataDir, 'vault'), "Holdfast's own data folder"],
    [`${made}/../elsewhere`, 'The path contains "..".'],
    [join(made, 'x'.repeat(256)), 'has 256 bytes; file systems take 255'],
    ['relative/path', 'Give an absolute path'],
  ] as const) {
    await box.fill(path);
    await page.getByRole('button', { name: 'Create vault' }).click();
    await expect(page.getByText(sentence).first(), path).toBeVisible();
    await expect(box, path).toHaveAttribute('aria-invalid', 'true');
    // Taken back before the next try, so that an old sentence cannot stand for a new one.
    await box.fill('/');
    await expect(page.getByText(sentence), path).toHaveCount(0);
  }
  expect(listing(made)).toEqual(as);
  expect((await api.vaults()).map(({ name }) => name)).toEqual(['Cellar']);
  expectCleanVault();

  await test.step('and a name with everything odd in it is a good folder for one', async () => {
    const odd = join(instance.root, 'vaults', 'second \'one\' "two" 😀');
    await box.fill(odd);
    await page.getByRole('button', { name: 'Create vault' }).click();
    await expect(page.getByRole('heading', { name: 'Recovery kit of Second' })).toBeVisible();
    expect(readdirSync(odd)).toContain('config');
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download the recovery kit' }).click();
    const second = readKit(readFileSync(await (await coming).path(), 'utf8'));
    expect(restic(judge, second, ['check'])).toContain('no errors were found');
  });
});
