import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import type { StoreCallOptions } from '#lib/stores/store.ts';
import { type CpuPool, createCpuPool } from '../cpu/pool.ts';
import { DamagedRepository, FILES, makeTemplate } from '../oracle/damaged.ts';
import { noise } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { type CopyProgress, copySnapshots } from './copy.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { listSnapshots, loadSnapshot } from './snapshots.ts';

describeWithRestic('copying snapshots', (restic) => {
  let template: Awaited<ReturnType<typeof makeTemplate>>;
  let cpu: CpuPool;
  let source: DamagedRepository;
  let home: string;
  let store: LocalStore;
  let target: Repository;
  const folder = () => join(home, 'copy');

  beforeAll(async () => {
    cpu = createCpuPool();
    template = await makeTemplate(restic);
  }, 60_000);
  afterAll(async () => {
    await cpu.close();
    template.remove();
  });
  beforeEach(async () => {
    source = new DamagedRepository(template.home, cpu);
    home = mkdtempSync(join(tmpdir(), 'holdfast-copy-'));
    store = new LocalStore(folder());
    const { chunkerPolynomial } = await source.open();
    target = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 }, chunkerPolynomial, cpu });
  });
  afterEach(async () => {
    await target.close();
    await store.close();
    await source.dispose();
    rmSync(home, { recursive: true, force: true });
  });

  async function expectClean(): Promise<void> {
    const repo = await openRepository(store, { password: PASSWORD, cpu });
    const { findings } = await checkRepository(repo, { readData: true });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    await repo.close();
    const said = restic.try(folder(), ['check', '--read-data']);
    expect(`${said.stdout}${said.stderr}`).toContain('no errors were found');
    expect(readdirSync(join(folder(), 'locks'))).toEqual([]);
    expect(source.names('locks')).toEqual([]);
  }
  const withoutIds = (snapshots: { id: string; parent?: string; original?: string }[]) =>
    snapshots.map(({ id: _, ...rest }) => rest);
  const fromPassword = { env: { RESTIC_FROM_PASSWORD_COMMAND: `echo ${PASSWORD}` } };

  test('gives the snapshots that restic copy gives, and restic restores them bit for bit', async () => {
    const { copied, skipped, failed, sameChunker } = await copySnapshots(await source.open(), target);
    expect([copied.length, skipped, failed, sameChunker]).toEqual([2, [], [], true]);
    await expectClean();

    restic.init(join(home, 'theirs'));
    const from = ['--from-repo', source.folder];
    restic.run(join(home, 'theirs'), ['copy', ...from], fromPassword);
    const theirs = await openRepository(new LocalStore(join(home, 'theirs')), { password: PASSWORD });
    expect(withoutIds(await listSnapshots(target))).toEqual(withoutIds(await listSnapshots(theirs)));
    await theirs.close();

    restic.run(folder(), ['restore', 'latest', '--target', join(home, 'restored')]);
    for (const [path, content] of Object.entries(FILES)) {
      expect(readFileSync(join(home, 'restored', 'source', path)).equals(content), path).toBe(true);
    }
  }, 60_000);

  test('copies what is there already a second time neither for us nor for restic', async () => {
    await copySnapshots(await source.open(), target);
    const packs = readdirSync(join(folder(), 'index'));
    const again = await copySnapshots(await source.open(), target);
    expect([again.copied, again.blobs, again.skipped.length]).toEqual([[], 0, 2]);
    expect(readdirSync(join(folder(), 'index'))).toEqual(packs);
    restic.run(folder(), ['copy', '--from-repo', source.folder], fromPassword);
    expect(readdirSync(join(folder(), 'snapshots'))).toHaveLength(2);
    // And what restic copied is known here.
    const back = await initRepository(new LocalStore(join(home, 'back')), {
      password: PASSWORD,
      kdf: { N: 1024, r: 8, p: 1 },
    });
    await back.close();
    restic.run(join(home, 'back'), ['copy', '--from-repo', source.folder], fromPassword);
    const theirs = await openRepository(new LocalStore(join(home, 'back')), { password: PASSWORD });
    // Through another repository too: the first id goes along.
    expect(await copySnapshots(target, theirs)).toMatchObject({ copied: [], skipped: [{}, {}], sameChunker: false });
    await theirs.close();
  }, 60_000);

  test('copies only what the target lacks: the second snapshot brings its own blobs', async () => {
    const [first, second] = (await source.snapshots()) as [SnapshotId, SnapshotId];
    const one = await copySnapshots(await source.open(), target, { snapshots: [first] });
    expect(one.copied.map((pair) => pair.source.id)).toEqual([first]);
    const two = await copySnapshots(await source.open(), target, { snapshots: [second] });
    expect(two.storedBytes).toBeLessThan(1_500_000);
    expect(one.storedBytes).toBeGreaterThan(5_000_000);
    expect(two.copied[0]?.copy).toMatchObject({ original: second, tree: two.copied[0]?.source.tree });
    expect(two.copied[0]?.copy.parent).toBeUndefined();
    await expectClean();
  }, 60_000);

  test('deduplicates against backups that were made in the target with the same chunker', async () => {
    mkdirSync(join(home, 'data'));
    writeFileSync(join(home, 'data', 'same'), FILES['first/large'] as Buffer);
    await backup(target, { paths: [join(home, 'data')], hostname: 'here' });
    const { storedBytes } = await copySnapshots(await source.open(), target);
    expect(storedBytes).toBeLessThan(1_500_000);
    await expectClean();
  }, 60_000);

  test('a tag set on the copy makes it another snapshot; the same tag at the source makes it a copy again', async () => {
    await copySnapshots(await source.open(), target);
    restic.run(source.folder, ['tag', '--add', 'kept']);
    expect((await copySnapshots(await source.open(), target)).copied).toHaveLength(2);
    expect((await copySnapshots(await source.open(), target)).copied).toHaveLength(0);
  }, 60_000);

  test('fault 9: a repository of format version 1 is copied into one of version 2, compressed on the way', async () => {
    const old = await makeTemplate(restic, 1);
    const from = new DamagedRepository(old.home, cpu);
    expect((await copySnapshots(await from.open(), target)).copied).toHaveLength(2);
    await expectClean();
    await target.loadIndex();
    expect([...target.packs()].flatMap(({ blobs }) => blobs).some((blob) => blob.uncompressedLength)).toBe(true);
    await from.dispose();
    old.remove();
  }, 60_000);

  test('fault 1: a snapshot with a damaged blob is reported, the other ones are copied', async () => {
    const { pack, offset } = await source.place('second/other');
    source.flipBit(fileName('pack', pack), offset + 100);
    const [first, second] = await source.snapshots();
    const { copied, failed } = await copySnapshots(await source.open(), target);
    expect(copied.map((pair) => pair.source.id)).toEqual([first]);
    expect(failed).toEqual([
      { source: expect.objectContaining({ id: second }), message: expect.stringContaining(pack) },
    ]);
    await expectClean();
  }, 60_000);

  test('fault 3: so is one with a lost tree, and one whose file is damaged', async () => {
    await source.loseBlob((await source.place('second/deep')).id);
    const [first] = (await source.snapshots()) as [SnapshotId];
    expect((await copySnapshots(await source.open(), target)).failed).toHaveLength(1);
    source.truncate(fileName('snapshot', first), 20);
    expect((await copySnapshots(await source.open(), target)).failed).toHaveLength(2);
    await expectClean();
  }, 60_000);

  test('fault 8: of two copies of a blob the good one is taken', async () => {
    const { pack, offset } = await source.place('second/text');
    restic.init(join(home, 'theirs'));
    const spare = new DamagedRepository(template.home, cpu);
    const { repairPacks } = await import('./repair-packs.ts');
    await repairPacks(await spare.open(), { packs: [pack] });
    const repo = await spare.open();
    await repo.loadIndex();
    for (const { id, blobs } of repo.packs()) {
      if (source.packs().includes(id)) continue;
      source.addPack(readFileSync(spare.packFile(id)));
      const raw = blobs.map(({ uncompressedLength, ...blob }) => ({
        ...blob,
        uncompressed_length: uncompressedLength,
      }));
      await source.writeIndex([{ id, blobs: raw }]);
    }
    await spare.dispose();
    source.flipBit(fileName('pack', pack), offset + 40);
    expect(await copySnapshots(await source.open(), target)).toMatchObject({ failed: [], copied: [{}, {}] });
    await expectClean();
  }, 60_000);

  test('fault 22: broken off at any write it leaves a sound target, and the next run completes it', async () => {
    const cut = () => new AppError('unavailable', 'The line was cut.');
    for (const kind of ['lost', 'done'] as const) {
      for (let after = 0; after < 6; after++) {
        const fault = { method: 'put' as const, name: /^(data|index|snapshots)/, after, times: 1, kind, error: cut };
        const repo = await openRepository(new FaultyStore(store, [fault]), { password: PASSWORD, cpu });
        await copySnapshots(await source.open(), repo).catch(() => undefined);
        await repo.close();
        expect(readdirSync(join(folder(), 'locks'))).toEqual([]);
        const opened = await openRepository(store, { password: PASSWORD, cpu });
        expect((await checkRepository(opened)).ok).toBe(true);
        await opened.close();
      }
    }
    await copySnapshots(await source.open(), target);
    expect(readdirSync(join(folder(), 'snapshots'))).toHaveLength(2);
    await expectClean();
  }, 120_000);

  test('tells how far it is, and stops on request without a snapshot or a lock', async () => {
    mkdirSync(join(home, 'data'));
    for (let i = 0; i < 12; i++) writeFileSync(join(home, 'data', `${i}`), noise(6_000_000, i + 1));
    const from = await source.open();
    await backup(from, { paths: [join(home, 'data')], hostname: 'here' });
    const stop = new AbortController();
    let reads = 0;
    const stopping = new (class extends FaultyStore {
      override get(name: string, range?: { offset: number; length: number }, options?: StoreCallOptions) {
        // In the middle: the third range of contents.
        if (name.startsWith('data/') && (range?.length ?? 0) > 1_000_000 && ++reads === 3) stop.abort();
        return super.get(name, range, options);
      }
    })(source.store, []);
    const cut = await openRepository(stopping, { password: PASSWORD, cpu });
    await expect(copySnapshots(cut, target, { signal: stop.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(reads).toBeGreaterThanOrEqual(3);
    await cut.close();
    expect(await listSnapshots(target)).toHaveLength(0);
    expect(readdirSync(join(folder(), 'locks'))).toEqual([]);
    let last: CopyProgress | undefined;
    await copySnapshots(from, target, {
      onProgress: (progress) => {
        last = progress;
      },
    });
    expect(last).toMatchObject({ snapshotsDone: 3, snapshotsTotal: 3 });
    expect(last?.bytesDone).toBe(last?.bytesFound);
    expect(last?.blobsDone).toBe(last?.blobsFound);
    expect(await listSnapshots(target)).toHaveLength(3);
    await expectClean();
  }, 120_000);

  test('waits for nobody: a repository held by somebody else is an error, on either side', async () => {
    for (const held of [await source.open(), target]) {
      const lock = await held.lock('exclusive');
      await expect(copySnapshots(await source.open(), target)).rejects.toMatchObject({ code: 'repository-locked' });
      await lock.release();
    }
    expect(await copySnapshots(await source.open(), target)).toMatchObject({ copied: [{}, {}] });
    const [first] = await listSnapshots(target);
    expect(await loadSnapshot(target, first?.id as SnapshotId)).toMatchObject({
      original: (await source.snapshots())[0],
    });
  }, 60_000);
});
