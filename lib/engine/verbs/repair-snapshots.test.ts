import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import type { StoreCallOptions } from '#lib/stores/store.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { DamagedRepository, damagedPerTest, FILES } from '../oracle/damaged.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { fileName } from '../repository/files.ts';
import type { SnapshotId } from '../types.ts';
import { checkRepository } from './check.ts';
import { openRepository } from './open.ts';
import { repairIndex } from './repair-index.ts';
import { type RepairSnapshotsOptions, type RepairSnapshotsResult, repairSnapshots } from './repair-snapshots.ts';
import { loadSnapshot } from './snapshots.ts';

describeWithRestic('repair of snapshots', (restic) => {
  let cpu: CpuPool;
  let broken: DamagedRepository;
  damagedPerTest(restic, (given) => {
    ({ broken, cpu } = given);
  });

  async function repair(options?: RepairSnapshotsOptions): Promise<RepairSnapshotsResult> {
    return await repairSnapshots(await broken.open(), options);
  }

  async function expectClean(): Promise<void> {
    await repairIndex(await broken.open());
    const { findings, damagedSnapshots } = await checkRepository(await broken.open(), { readData: true });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(damagedSnapshots).toEqual([]);
    const said = restic.try(broken.folder, ['check', '--read-data']);
    expect(`${said.stdout}${said.stderr}`).toContain('no errors were found');
    expect(broken.names('locks')).toEqual([]);
  }

  /** All snapshots without their own ids, in an order that does not depend on them. */
  async function described(repository: DamagedRepository): Promise<unknown[]> {
    const repo = await repository.open();
    const all = await Promise.all(repository.names('snapshots').map((id) => loadSnapshot(repo, id as SnapshotId)));
    return all.map(({ id: _, ...rest }) => rest).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  test('a sound repository is left alone', async () => {
    expect(await repair({ forget: true })).toMatchObject({ snapshots: 2, changed: [], paths: [], unreadable: [] });
    expect(broken.names('snapshots')).toHaveLength(2);
  });

  test.each([
    ['a blob in the middle of a file', ['first/large', 1], 2],
    ['the only blob of a small file', ['second/text', 0], 1],
    ['the tree of a folder', ['second/deep', 0], 1],
    ['the tree of a folder that every snapshot shares', ['first', 0], 2],
    ['the tree of the folder on top', ['', 0], 1],
  ] as const)(
    'fault 3: without %s the trees are those that restic makes',
    async (_, [path, blob], count) => {
      await broken.loseBlob((await broken.place(path, blob)).id);
      const before = await checkRepository(await broken.open());
      expect(before.damagedSnapshots).toHaveLength(count);
      for (const forget of [false, true]) {
        const theirs = new DamagedRepository(join(broken.folder, '..'), cpu);
        const result = await repair({ forget });
        expect(result.changed).toHaveLength(count);
        expect(new Set(result.changed.map(({ snapshot }) => snapshot.id))).toEqual(new Set(before.damagedSnapshots));
        if (restic.label === 'newest') {
          restic.run(theirs.folder, ['repair', 'snapshots', ...(forget ? ['--forget'] : [])]);
          if (!forget) expect(await described(broken)).toEqual(await described(theirs));
          else {
            const trees = async (repository: DamagedRepository) =>
              new Set((await described(repository)).map((snapshot) => (snapshot as { tree: string }).tree));
            expect(await trees(broken)).toEqual(await trees(theirs));
          }
        }
        await theirs.dispose();
      }
      await expectClean();
    },
    120_000,
  );

  test('fault 3: what was not hit is restored by restic as it was, and the file that was is what is left of it', async () => {
    await broken.loseBlob((await broken.place('first/large', 1)).id);
    await repair({ forget: true });
    restic.run(broken.folder, ['restore', 'latest', '--target', join(broken.home, 'target')]);
    for (const [path, content] of Object.entries(FILES)) {
      const restored = readFileSync(join(broken.home, 'target', 'source', path));
      if (path !== 'first/large') expect(restored.equals(content), path).toBe(true);
      else {
        expect(restored.length).toBeLessThan(content.length);
        // Its first chunk, at least 512 KiB, is there; what follows has moved up.
        expect(restored.subarray(0, 500_000).equals(content.subarray(0, 500_000))).toBe(true);
      }
    }
  }, 60_000);

  test('without forget the damaged snapshot stays beside the repaired one, which says where it comes from', async () => {
    await broken.loseBlob((await broken.place('second/text')).id);
    const [old, damaged] = await broken.snapshots();
    const { changed } = await repair();
    expect(changed).toMatchObject([{ outcome: 'repaired', removed: false, snapshot: { id: damaged } }]);
    expect(changed[0]?.replacement).toMatchObject({ original: damaged, tags: ['repaired'] });
    expect(broken.names('snapshots')).toEqual(expect.arrayContaining([old, damaged]));
    expect(broken.names('snapshots')).toHaveLength(3);
    // A second run makes no second one.
    expect((await repair()).changed).toMatchObject([{ replacement: { id: changed[0]?.replacement?.id } }]);
    expect(broken.names('snapshots')).toHaveLength(3);
    await repair({ forget: true });
    expect(broken.names('snapshots')).not.toContain(damaged);
    await expectClean();
  }, 60_000);

  test('a dry run finds the same and writes nothing', async () => {
    await broken.loseBlob((await broken.place('first/large', 1)).id);
    const before = [broken.names('snapshots'), broken.packs(), broken.names('index')];
    const dry = await repair({ dryRun: true });
    expect([broken.names('snapshots'), broken.packs(), broken.names('index')]).toEqual(before);
    const real = await repair();
    expect(dry.paths).toEqual(real.paths);
    expect(dry.changed.map(({ snapshot }) => snapshot.id)).toEqual(real.changed.map(({ snapshot }) => snapshot.id));
  }, 30_000);

  test('only the snapshots that are named are repaired', async () => {
    await broken.loseBlob((await broken.place('first/large', 1)).id);
    const [old] = await broken.snapshots();
    expect((await repair({ snapshots: [old as SnapshotId] })).changed).toMatchObject([{ snapshot: { id: old } }]);
    expect(broken.names('snapshots')).toHaveLength(3);
  }, 30_000);

  test('a snapshot of which nothing is left is removed with forget only', async () => {
    const [, damaged] = await broken.snapshots();
    const { tree } = await loadSnapshot(await broken.open(), damaged as SnapshotId);
    await broken.loseBlob(tree);
    expect((await repair()).changed).toMatchObject([{ outcome: 'lost', removed: false }]);
    expect(broken.names('snapshots')).toHaveLength(2);
    expect((await repair({ forget: true })).changed).toMatchObject([{ outcome: 'lost', removed: true }]);
    expect(broken.names('snapshots')).toHaveLength(1);
    await expectClean();
  }, 60_000);

  test('fault 3: while the index lists a pack that is gone nothing is cut, and the person is told what comes first', async () => {
    const { pack } = await broken.place('second/text');
    broken.remove(fileName('pack', pack));
    await expect(repair({ forget: true })).rejects.toMatchObject({
      code: 'conflict',
      hint: expect.stringContaining('repair index'),
    });
    expect(broken.names('locks')).toEqual([]);
    await repairIndex(await broken.open());
    expect((await repair({ forget: true })).changed).toHaveLength(1);
    await expectClean();
  }, 60_000);

  test('faults 10, 13 and 14: entries that can be right are made right, unknown fields stay, the others are left out', async () => {
    const file = (name: string, more = {}) => ({ name, content: [blobId('x')], size: 1, ...more });
    const sub = craftTree([file('z'), file('a'), file('a')]);
    const root = craftTree([
      file('../evil'),
      file('b', { colour: 'blue', generic_attributes: { 'new.thing': { deep: [1] } } }),
      { name: 'c', content: null },
      file('d', { size: 77 }),
      { name: 'e', subtree: blobId(sub) },
      { name: 'f', type: 'irregular', content: null },
    ]);
    const crafted = await craftSnapshot(await broken.open(), [sub, root], ['x']);
    const { paths } = await repair({ snapshots: [crafted], forget: true });
    expect(paths.map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual([
      'corrected-size /d',
      'removed-entry /../evil',
      'removed-entry /e/a',
      'removed-entry /f',
      'shortened-file /c',
      'sorted-folder /e',
    ]);
    const repo = await broken.open();
    await repo.loadIndex();
    const made = (await Promise.all(broken.names('snapshots').map((id) => loadSnapshot(repo, id as SnapshotId)))).find(
      ({ original }) => original === crafted,
    );
    const text = (await repo.loadBlob('tree', made?.tree as string)).toString();
    expect(text).toContain('"colour":"blue"');
    expect(text).toContain('"new.thing":{"deep":[1]}');
    await expectClean();
  }, 60_000);

  test('a folder 3,000 levels deep, broken at the bottom, is repaired up to the top', async () => {
    let tree = craftTree([{ name: 'leaf', content: ['f'.repeat(64)], size: 5 }]);
    const trees = [tree];
    for (let level = 0; level < 3000; level++) {
      tree = craftTree([{ name: 'd', subtree: blobId(tree) }]);
      trees.push(tree);
    }
    const crafted = await craftSnapshot(await broken.open(), trees, ['x']);
    const { paths, changed } = await repair({ snapshots: [crafted], forget: true });
    expect(changed).toHaveLength(1);
    expect(paths).toMatchObject([{ kind: 'shortened-file', path: `${'/d'.repeat(3000)}/leaf` }]);
  }, 60_000);

  test('fault 22: stopped at any write or removal every snapshot is there, damaged or repaired, and the next run completes it', async () => {
    await broken.loseBlob((await broken.place('first/large', 1)).id);
    const before = await broken.snapshots();
    const cut = () => new AppError('unavailable', 'The line was cut.');
    for (const method of ['put', 'delete'] as const) {
      for (const kind of ['lost', 'done'] as const) {
        for (let after = 0; after < 4; after++) {
          const fault = { method, name: /^(data|index|snapshots)/, after, times: 1, kind, error: cut };
          const repo = await openRepository(new FaultyStore(broken.store, [fault]), { password: PASSWORD, cpu });
          await repairSnapshots(repo, { forget: true }).catch(() => undefined);
          await repo.close();
          const there = (await described(broken)) as { original?: SnapshotId }[];
          const names = new Set<string>(broken.names('snapshots'));
          for (const id of before) expect(names.has(id) || there.some(({ original }) => original === id)).toBe(true);
        }
      }
    }
    await repair({ forget: true });
    expect(broken.names('snapshots')).toHaveLength(2);
    await expectClean();
  }, 120_000);

  test('a lost lock stops it with the reason', async () => {
    await broken.loseBlob((await broken.place('first/large', 1)).id);
    const lost = new AppError('repository-locked', 'The lock was lost.');
    const stop = new AbortController();
    const store = new (class extends FaultyStore {
      override put(name: string, parts: readonly Uint8Array[], options?: StoreCallOptions) {
        if (name.startsWith('data/')) stop.abort(lost);
        return super.put(name, parts, options);
      }
    })(broken.store, []);
    const repo = await openRepository(store, { password: PASSWORD, cpu });
    await expect(repairSnapshots(repo, { forget: true, signal: stop.signal })).rejects.toBe(lost);
    await repo.close();
    expect(broken.names('snapshots')).toHaveLength(2);
  }, 30_000);

  test('can be cancelled and leaves no lock', async () => {
    await expect(repair({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    expect(broken.names('locks')).toEqual([]);
  });
});
