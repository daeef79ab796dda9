import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { type DamagedRepository, damagedPerTest, FILES, type Template } from '../oracle/damaged.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import type { SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { copySnapshots } from './copy.ts';
import { initRepository } from './init.ts';
import { repairIndex } from './repair-index.ts';
import { repairSnapshots } from './repair-snapshots.ts';
import { planRestore } from './restore.ts';

describeWithRestic('a damaged repository of restic', (restic) => {
  let template: Template;
  let cpu: CpuPool;
  let broken: DamagedRepository;
  damagedPerTest(restic, (given) => {
    ({ broken, cpu, template } = given);
  });

  test('fault 6: a wrong length before compression is found by check and stops the file at restore, never silently', async () => {
    const { pack, id } = await broken.place('second/text');
    await broken.changeEntry(pack, (entry) => ({
      ...entry,
      blobs: entry.blobs.map((blob) =>
        blob.id === id ? { ...blob, uncompressed_length: (blob.uncompressed_length ?? 0) + 9 } : blob,
      ),
    }));
    const repo = await broken.open();
    expect((await checkRepository(repo, { readData: true })).findings).toContainEqual(
      expect.objectContaining({ severity: 'error', kind: 'wrong-index', pack }),
    );
    const target = join(broken.home, 'target');
    const snapshot = (await broken.snapshots()).at(-1) as SnapshotId;
    const restored = await (await planRestore(await broken.open(), { snapshot, target, strip: '/source' })).execute();
    expect(new Set(restored.problems.map(({ path }) => path))).toEqual(new Set(['/source/second/text']));
    expect(existsSync(join(target, 'second/text'))).toBe(false);
    for (const [path, content] of Object.entries(FILES)) {
      if (path !== 'second/text') expect(readFileSync(join(target, path)).equals(content), path).toBe(true);
    }
  }, 30_000);

  test('fault 38: a lost blob is stored again by the next backup of the unchanged files, and every snapshot is whole', async () => {
    const { id } = await broken.place('first/large', 1);
    const asked = { paths: [join(template.home, 'source')], hostname: 'here' };
    await backup(await broken.open(), asked);
    await broken.loseBlob(id);
    expect((await checkRepository(await broken.open())).damagedSnapshots).toHaveLength(3);
    const { summary } = await backup(await broken.open(), asked);
    expect(summary.data_blobs).toBe(1);
    // What is left to mend is the index entry that the blob was taken out of.
    await repairIndex(await broken.open());
    const { ok, damagedSnapshots } = await checkRepository(await broken.open(), { readData: true });
    expect({ ok, damagedSnapshots }).toEqual({ ok: true, damagedSnapshots: [] });
    expect(restic.try(broken.folder, ['check', '--read-data']).status).toBe(0);
  }, 30_000);

  test('fault 16: a thousand billion folders that share their trees are checked, repaired and copied in no time', async () => {
    let tree = craftTree([{ name: 'leaf', content: [blobId('x'), 'f'.repeat(64)], size: 1 }]);
    const trees = [tree];
    for (let level = 0; level < 40; level++) {
      const subtree = blobId(tree);
      tree = craftTree([
        { name: 'a', subtree },
        { name: 'b', subtree },
      ]);
      trees.push(tree);
    }
    const crafted = await craftSnapshot(await broken.open(), trees, ['x']);
    const checked = await checkRepository(await broken.open());
    expect(checked.damagedSnapshots).toEqual([crafted]);
    expect(checked.findings.filter(({ kind }) => kind === 'missing-blob')).toHaveLength(1);
    const { paths } = await repairSnapshots(await broken.open(), { snapshots: [crafted], forget: true });
    expect(paths).toHaveLength(1);
    expect((await checkRepository(await broken.open())).ok).toBe(true);
    const store = new LocalStore(join(broken.home, 'copy'));
    const target = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 }, cpu });
    expect((await copySnapshots(await broken.open(), target)).copied).toHaveLength(3);
    await target.close();
    await store.close();
  }, 30_000);
});
