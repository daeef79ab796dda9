import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { type CpuPool, createCpuPool } from '../cpu/pool.ts';
import type { Repository } from '../repository/repository.ts';
import type { StoredResult } from '../types.ts';
import { backup } from '../verbs/backup.ts';
import { checkRepository } from '../verbs/check.ts';
import { initRepository } from '../verbs/init.ts';
import { findNode } from '../verbs/ls-walk.ts';
import { openRepository } from '../verbs/open.ts';
import { listSnapshots } from '../verbs/snapshots.ts';
import { repositoryStats } from '../verbs/stats.ts';
import { listing } from './listing.ts';
import { makeOddFolder, noise } from './odd-folder.ts';
import { describeWithRestic, PASSWORD } from './restic.ts';

const CHEAP_KDF = { N: 1024, r: 8, p: 1 };
const HOST = 'oracle';

/** The id of the tree of one folder in a snapshot, whatever is above it. */
async function treeAt(repo: Repository, root: string, path: string): Promise<string | undefined> {
  return (await findNode(repo, root as never, path))?.subtree;
}

describeWithRestic('a repository made here', (restic) => {
  let home: string;
  let cpu: CpuPool;
  let store: LocalStore;
  let repo: Repository;
  let made: StoredResult;
  const vault = () => join(home, 'vault');
  const odd = () => join(home, 'odd');

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-write-'));
    makeOddFolder(odd());
    cpu = createCpuPool();
    store = new LocalStore(vault());
    repo = await initRepository(store, { password: PASSWORD, kdf: CHEAP_KDF, cpu });
    made = await backup(repo, { paths: [odd()], hostname: HOST });
  }, 60_000);
  afterAll(async () => {
    await repo?.close();
    await cpu?.close();
    await store?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const snapshotsByRestic = () =>
    JSON.parse(restic.run(vault(), ['snapshots', '--json']).toString()) as { id: string; tree: string; time: string }[];

  test('was made without a problem and restic check reads every byte of it without an error', () => {
    expect(made.problems).toEqual([]);
    const said = restic.run(vault(), ['check', '--read-data']).toString();
    expect(said).toContain('no errors were found');
    expect(said).not.toMatch(/warning|not referenced|duplicate|mixed/i);
  }, 30_000);

  test('is restored by restic: owner, mode, time, content, link targets and hard links as in the source', () => {
    restic.run(vault(), ['restore', made.snapshot.id, '--target', join(home, 'by-restic')]);
    const expected = listing(odd());
    const restored = listing(join(home, 'by-restic', odd()));
    // 0.14 writes the replacement characters of its own JSON text instead of the bytes.
    if (restic.label === 'stable') for (const lines of [expected, restored]) delete lines['/links/bad target'];
    expect(restored).toEqual(expected);
  }, 30_000);

  test('has the tree ids that restic makes of the same folder', async () => {
    // The root tree holds the times of every folder above, and others write into the folder for temporary files.
    let roots: [string, string] = ['', ''];
    for (let attempt = 0; attempt < 5; attempt++) {
      const ours = await backup(repo, { paths: [odd()], hostname: HOST, parent: 'none' });
      restic.run(vault(), ['backup', '--host', HOST, '--force', odd()]);
      roots = [ours.snapshot.tree, snapshotsByRestic().at(-1)?.tree ?? ''];
      if (roots[0] === roots[1]) break;
    }
    await repo.loadIndex();
    // 0.14 knows no linktarget_raw: the folder with that link differs, and with it all above; the others must not.
    if (restic.label === 'newest') expect(roots[0]).toBe(roots[1]);
    for (const path of ['files', 'sub', 'times']) {
      const [ours, theirs] = roots.map((root) => treeAt(repo, root, `${odd()}/${path}`));
      expect(await ours, path).toBe(await theirs);
    }
  }, 60_000);

  test('deduplicates against restic in both directions', async () => {
    const file = join(odd(), 'files', 'large');
    const before = await repositoryStats(repo);
    appendFileSync(file, noise(600_000, 77));
    restic.run(vault(), ['backup', '--host', HOST, odd()]);
    const afterRestic = await repositoryStats(repo);
    // The changed end of the file and a few trees, not the file.
    expect(afterRestic.uniqueBytes - before.uniqueBytes).toBeLessThan(8_700_000);

    const ours = await backup(repo, { paths: [odd()], hostname: HOST, parent: 'none' });
    expect(ours.summary.data_blobs).toBe(0);
    expect(ours.summary.data_added).toBeLessThan(20_000);

    appendFileSync(file, noise(600_000, 78));
    const changed = await backup(repo, { paths: [odd()], hostname: HOST });
    expect(changed.summary).toMatchObject({ files_changed: 1, files_new: 0 });
    expect(changed.summary.files_unmodified).toBeGreaterThan(50);
    const again = restic.run(vault(), ['backup', '--host', HOST, '--json', odd()]).toString().trim().split('\n');
    const summary = JSON.parse(again.at(-1) as string) as {
      data_blobs: number;
      files_changed: number;
      files_new: number;
    };
    expect(summary).toMatchObject({ data_blobs: 0, files_changed: 0, files_new: 0 });
    restic.run(vault(), ['check', '--read-data']);
    expect(
      (await checkRepository(repo, { readData: true })).findings.filter(({ severity }) => severity === 'error'),
    ).toEqual([]);
  }, 60_000);

  test('restic finds nothing changed after a restore by us over a changed copy', async () => {
    const { planRestore } = await import('../verbs/restore.ts');
    const latest = (await listSnapshots(repo)).at(-1);
    writeFileSync(join(odd(), 'files', 'text'), 'overwritten');
    rmSync(join(odd(), 'sub'), { recursive: true });
    const plan = await planRestore(repo, { snapshot: latest?.id as never, target: odd(), strip: odd(), verify: true });
    expect(plan.summary.overwrite.count).toBeGreaterThan(0);
    expect((await plan.execute()).problems).toEqual([]);
    const said = restic.run(vault(), ['backup', '--host', HOST, '--ignore-ctime', '--ignore-inode', '--json', odd()]);
    const summary = JSON.parse(said.toString().trim().split('\n').at(-1) as string) as Record<string, number>;
    expect(summary).toMatchObject({ files_new: 0, files_changed: 0, data_blobs: 0 });
  }, 30_000);

  test('stays clean when the backup is killed at any moment, and the next one completes it', async () => {
    const source = join(home, 'many');
    mkdirSync(source);
    for (let i = 0; i < 60; i++) writeFileSync(join(source, `file ${i}`), noise(1_500_000, 1000 + i));
    for (const afterMs of [400, 900, 1600]) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('../../../bin/holdfast.ts', import.meta.url)), 'repo', 'backup', '-r', vault(), source],
        {
          env: { ...process.env, RESTIC_PASSWORD: PASSWORD },
          stdio: 'ignore',
        },
      );
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await sleep(afterMs);
      child.kill('SIGKILL');
      await ended;
      // The dead process could not give back its lock; restic is told that nobody holds it.
      restic.run(vault(), ['unlock', '--remove-all']);
      restic.run(vault(), ['check', '--read-data']);
    }
    const done = await backup(repo, { paths: [source], hostname: HOST });
    expect(done.problems).toEqual([]);
    restic.run(vault(), ['check', '--read-data']);
    expect(readdirSync(join(vault(), 'locks'))).toEqual([]);
  }, 120_000);
});

describeWithRestic('alternating writers', (restic) => {
  test('ten backups in turn by restic and by us stay readable for both', async () => {
    const home = mkdtempSync(join(tmpdir(), 'holdfast-turns-'));
    const source = join(home, 'source');
    mkdirSync(source);
    restic.init(join(home, 'repo'));
    const store = new LocalStore(join(home, 'repo'));
    const repo = await openRepository(store, { password: PASSWORD });
    for (let round = 0; round < 10; round++) {
      writeFileSync(join(source, `file ${round}`), noise(200_000 * (round + 1), round + 1));
      if (round % 2 === 0) restic.run(join(home, 'repo'), ['backup', '--host', HOST, source]);
      else {
        const { summary } = await backup(repo, { paths: [source], hostname: HOST });
        expect(summary).toMatchObject({ files_new: 1, files_changed: 0, files_unmodified: round });
      }
    }
    expect((await checkRepository(repo, { readData: true })).findings).toEqual([]);
    restic.run(join(home, 'repo'), ['check', '--read-data']);
    expect(await listSnapshots(repo)).toHaveLength(10);
    await repo.close();
    await store.close();
    rmSync(home, { recursive: true });
  }, 90_000);
});
