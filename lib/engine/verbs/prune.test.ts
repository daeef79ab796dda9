import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import type { Store } from '#lib/stores/store.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { noise } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD, type Restic } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import type { Snapshot, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { executeForget, planForget } from './forget.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { executePrune, type PlanPruneOptions, parseMaxUnused, parseSize, planPrune } from './prune.ts';
import { listSnapshots } from './snapshots.ts';

let home: string;
let vault: string;
let source: string;
let repo: Repository;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-prune-'));
  vault = join(home, 'vault');
  source = join(home, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  repo = await initRepository(new LocalStore(vault), { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
});
afterEach(async () => {
  await repo.close();
  rmSync(home, { recursive: true, force: true });
});

function packs(): string[] {
  return readdirSync(join(vault, 'data'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
const packBytes = () => packs().reduce((sum, file) => sum + statSync(file).size, 0);

async function open(store: Store = new LocalStore(vault)): Promise<Repository> {
  await repo.close();
  repo = await openRepository(store, { password: PASSWORD });
  return repo;
}

/** One backup of the files given; what was in the source before is gone. */
async function store(files: Record<string, Buffer | string>): Promise<Snapshot> {
  rmSync(source, { recursive: true, force: true });
  mkdirSync(join(source, 'sub'), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(source, name), content);
  return (await backup(repo, { paths: [source], hostname: 'here' })).snapshot;
}

async function forget(...ids: SnapshotId[]) {
  await executeForget(repo, await planForget(repo, { snapshots: ids }));
}

async function prune(options: PlanPruneOptions = {}) {
  const plan = await planPrune(repo, options);
  return { plan, result: await executePrune(repo, plan) };
}

async function expectClean() {
  await open();
  const { findings } = await checkRepository(repo, { readData: true });
  expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([]);
}

/** Some data of two snapshots in common packs; the first is then forgotten. */
async function halfUsed(): Promise<{ kept: Snapshot; content: Buffer }> {
  const content = noise(900_000, 7);
  const first = await store({ a: noise(3_000_000, 1), b: content, 'sub/c': 'small' });
  const kept = await store({ b: content, 'sub/c': 'small' });
  await forget(first.id);
  return { kept, content };
}

describe('a prune', () => {
  test('deletes what no snapshot needs and keeps the rest restorable', async () => {
    const { kept, content } = await halfUsed();
    const before = packBytes();
    const { plan, result } = await prune({ maxUnused: { bytes: 0 } });
    expect(plan.summary.unused.bytes).toBeGreaterThan(3_000_000);
    expect(plan.summary.unusedAfterBytes).toBe(0);
    expect(result.failure).toBeUndefined();
    expect(result.left).toEqual({ packs: [], indexes: [] });
    expect(packBytes()).toBeLessThan(before - 2_900_000);
    expect(Math.abs(packBytes() - plan.summary.remainingBytes)).toBeLessThan(10_000);
    await expectClean();
    const { dumpPaths } = await contents(kept);
    expect(dumpPaths).toContain(join(source, 'b'));
    expect(await fileOf(kept, 'b')).toEqual(content);
    expect((await planPrune(repo, { maxUnused: { bytes: 0 } })).isEmpty).toBe(true);
  });

  test('leaves unused data below the limit where it is', async () => {
    await halfUsed();
    const dataPacks = async (maxUnused: PlanPruneOptions['maxUnused']) => {
      const { packs: planned } = await planPrune(repo, { maxUnused });
      const isData = (id: string) => [...repo.packs()].some((pack) => pack.id === id && pack.blobs[0]?.type === 'data');
      return planned.repack.filter(isData).length;
    };
    expect(await dataPacks(undefined)).toBe(1);
    expect(await dataPacks({ percent: 70 })).toBe(1);
    expect(await dataPacks({ percent: 80 })).toBe(0);
    expect(await dataPacks({ bytes: 4_000_000 })).toBe(0);
    expect(await dataPacks('unlimited')).toBe(0);
  });

  test('changes nothing but what is planned, and a stale plan not at all', async () => {
    await halfUsed();
    const plan = await planPrune(repo, { maxUnused: { bytes: 0 } });
    expect(plan.isEmpty).toBe(false);
    await store({ late: noise(5000, 9) });
    const before = packs().sort();
    await expect(executePrune(repo, plan)).rejects.toMatchObject({ code: 'conflict' });
    expect(packs().sort()).toEqual(before);
  });

  test('a plan made as if snapshots were forgotten frees their data only when they are', async () => {
    const { kept } = await halfUsed();
    const plan = await planPrune(repo, { without: [kept.id] });
    expect(plan.summary.used.blobs).toBe(0);
    await expect(executePrune(repo, plan)).rejects.toMatchObject({ code: 'conflict' });
    await forget(kept.id);
    await executePrune(repo, plan);
    expect(packs()).toEqual([]);
    expect(readdirSync(join(vault, 'index'))).toEqual([]);
  });

  test('deletes packs that no index names', async () => {
    const kept = await store({ a: noise(50_000, 1) });
    const before = { packs: packs().sort(), indexes: readdirSync(join(vault, 'index')) };
    const lost = await store({ b: noise(60_000, 3) });
    await forget(lost.id);
    for (const name of readdirSync(join(vault, 'index'))) {
      if (!before.indexes.includes(name)) rmSync(join(vault, 'index', name), { force: true });
    }
    await open();
    const { plan } = await prune();
    expect(plan.summary.unreferencedBytes).toBeGreaterThan(60_000);
    expect(packs().sort()).toEqual(before.packs);
    await expectClean();
    expect(await fileOf(kept, 'a')).toEqual(noise(50_000, 1));
  });

  test('refuses, naming the file, when a needed pack is missing or short', async () => {
    const { kept } = await halfUsed();
    await repo.loadIndex();
    const pack = [...repo.packs()].find(({ blobs }) => blobs[0]?.type === 'data')?.id;
    const data = packs().find((file) => file.endsWith(pack ?? 'none'));
    if (!data) throw new Error('no data pack');
    const bytes = readFileSync(data);
    rmSync(data, { force: true });
    await open();
    await expect(planPrune(repo)).rejects.toMatchObject({
      code: 'repository-damaged',
      message: expect.stringMatching(
        new RegExp(`is missing.*${source}/(b|sub/c) \\(snapshot ${kept.id.slice(0, 8)}\\)`),
      ),
    });
    writeFileSync(data, bytes.subarray(0, bytes.length - 5));
    await expect(planPrune(repo)).rejects.toThrow(/has \d+ bytes instead of \d+/);
    writeFileSync(data, bytes);
    await prune();
    await expectClean();
  });

  test('refuses, naming the file, when a needed blob is in no index or a folder cannot be read', async () => {
    await store({ a: noise(1000, 1), 'sub/b': noise(2000, 2) });
    for (const pack of packs()) {
      chmodSync(pack, 0o600);
      const bytes = readFileSync(pack);
      writeFileSync(
        pack,
        bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
      );
    }
    await open();
    await expect(planPrune(repo)).rejects.toMatchObject({
      code: 'repository-damaged',
      message: expect.stringMatching(/nothing was pruned.*tree blob [0-9a-f]{64} in pack [0-9a-f]{64} is damaged/),
    });
    for (const index of readdirSync(join(vault, 'index'))) rmSync(join(vault, 'index', index), { force: true });
    await open();
    await expect(planPrune(repo)).rejects.toThrow(/is in no index/);
  });

  test('refuses when a snapshot cannot be read: its data would be deleted', async () => {
    await halfUsed();
    writeFileSync(join(vault, 'snapshots', 'ab'.repeat(32)), 'no snapshot');
    await expect(planPrune(repo)).rejects.toMatchObject({ code: 'repository-damaged' });
  });

  test('keeps one of several copies, of whole packs and of single blobs', async () => {
    const content = noise(700_000, 3);
    const first = await store({ x: content });
    const copy = join(home, 'copy');
    // A second writer that did not know of the first: the same blobs in other packs.
    const saved = readdirSync(join(vault, 'index'));
    mkdirSync(copy);
    for (const name of saved) {
      writeFileSync(join(copy, name), readFileSync(join(vault, 'index', name)));
      rmSync(join(vault, 'index', name), { force: true });
    }
    await open();
    await store({ x: content, y: noise(5000, 4) });
    for (const name of saved) writeFileSync(join(vault, 'index', name), readFileSync(join(copy, name)));
    await open();
    const { plan } = await prune({ maxUnused: { bytes: 0 } });
    expect(plan.summary.duplicate.blobs).toBeGreaterThan(0);
    await expectClean();
    expect(await fileOf(first, 'x')).toEqual(content);
    expect(packBytes()).toBeLessThan(720_000 + 20_000);
    expect((await planPrune(repo, { maxUnused: { bytes: 0 } })).summary.duplicate.blobs).toBe(0);
  });

  test('carries no more over than it may', async () => {
    await halfUsed();
    const plan = await planPrune(repo, { maxUnused: { bytes: 0 }, maxRepackBytes: 0 });
    expect(plan.summary.packs.repack).toBe(0);
    expect(plan.summary.unusedAfterBytes).toBeGreaterThan(3_000_000);
  });

  test('puts many small packs and index files together', async () => {
    for (let number = 0; number < 12; number++) await store({ [`f${number}`]: noise(20_000, 2 * number + 1) });
    expect(packs()).toHaveLength(24);
    await prune({ maxUnused: 'unlimited' });
    expect(packs()).toHaveLength(2);
    expect(readdirSync(join(vault, 'index')).length).toBeLessThanOrEqual(2);
    await expectClean();
    expect((await listSnapshots(repo)).length).toBe(12);
    for (const [number, snapshot] of (await listSnapshots(repo)).entries()) {
      expect(await fileOf(snapshot, `f${number}`)).toEqual(noise(20_000, 2 * number + 1));
    }
  });

  test('looks into trees 5,000 levels deep and folders of 100,000 entries, in threads', async () => {
    const trees = [craftTree([{ name: 'deepest', content: [blobId('deep')], size: 4 }])];
    for (let level = 1; level < 5000; level++) {
      trees.push(craftTree([{ name: `${level}`, subtree: blobId(trees[level - 1] as string) }]));
    }
    await craftSnapshot(repo, trees, ['deep', 'not needed']);
    const name = (number: number) => `entry-${100_000 + number}`;
    const wide = Array.from({ length: 100_000 }, (_, number) => ({
      name: name(number),
      content: [blobId('wide')],
      size: 4,
    }));
    await craftSnapshot(repo, [craftTree(wide)], ['wide']);
    await open();
    let seen = 0;
    const plan = await planPrune(repo, {
      onProgress: ({ phase, done }) => {
        if (phase === 'trees') seen = done;
      },
    });
    expect(seen).toBeLessThanOrEqual(5001);
    expect(plan.summary.used.blobs).toBe(5000 + 1 + 2);
    expect(plan.summary.unused.blobs).toBe(1);
  });

  test('ends when cancelled, and the next one finishes', async () => {
    await halfUsed();
    const plan = await planPrune(repo, { maxUnused: { bytes: 0 } });
    const controller = new AbortController();
    const cancelled = executePrune(repo, plan, {
      signal: controller.signal,
      onProgress: ({ phase }) => phase === 'repack' && controller.abort(),
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    await open();
    await prune({ maxUnused: { bytes: 0 } });
    await expectClean();
  });
});

async function contents(snapshot: Snapshot): Promise<{ dumpPaths: string[] }> {
  const { walkTree } = await import('./ls-walk.ts');
  await repo.loadIndex();
  const dumpPaths: string[] = [];
  for await (const { path } of walkTree(repo, snapshot.tree, { path: '/', enter: () => true, onProblem: () => {} })) {
    dumpPaths.push(path);
  }
  return { dumpPaths };
}

async function fileOf(snapshot: Snapshot, name: string): Promise<Buffer> {
  const { findNode } = await import('./ls-walk.ts');
  await repo.loadIndex();
  const node = await findNode(repo, snapshot.tree, join(source, name));
  const parts = await Promise.all((node?.content ?? []).map((id) => repo.loadBlob('data', id)));
  return Buffer.concat(parts);
}

describe('a store that does not let delete', () => {
  const refusal = (name: RegExp) => ({
    method: 'delete' as const,
    name,
    error: () => new AppError('permission-denied', 'The store refused.'),
  });

  test('is recognised before anything is written', async () => {
    await halfUsed();
    await open(new FaultyStore(new LocalStore(vault), [refusal(/^(data|index|snapshots)/)]));
    const before = packs().sort();
    const plan = await planPrune(repo, { maxUnused: { bytes: 0 } });
    await expect(executePrune(repo, plan)).rejects.toMatchObject({
      code: 'permission-denied',
      hint: expect.stringContaining('append-only'),
    });
    expect(packs().sort()).toEqual(before);
  });

  test('of index files keeps the packs they name, and says what is left', async () => {
    await halfUsed();
    await open(new FaultyStore(new LocalStore(vault), [refusal(/^index/)]));
    const { result } = await prune({ maxUnused: { bytes: 0 } });
    expect(result.failure).toMatchObject({ code: 'permission-denied' });
    expect(result.left.indexes.length).toBeGreaterThan(0);
    expect(result.left.packs.length).toBeGreaterThan(0);
    await open();
    expect((await checkRepository(repo, { readData: true })).ok).toBe(true);
    await prune({ maxUnused: { bytes: 0 } });
    await expectClean();
  });

  test('of snapshots leaves them, and forget says which', async () => {
    const { kept } = await halfUsed();
    await open(new FaultyStore(new LocalStore(vault), [refusal(/^snapshots/)]));
    const result = await executeForget(repo, await planForget(repo, { snapshots: [kept.id] }));
    expect(result).toMatchObject({ removed: [], left: [kept.id], failure: { code: 'permission-denied' } });
  });
});

test('sizes and limits read as restic reads them', () => {
  expect(['0', '500', '10k', '1.5G', '2T', '7 MB'.replace(' ', '')].map(parseSize)).toEqual([
    0, 500, 10_240, 1_610_612_736, 2_199_023_255_552, 7_340_032,
  ]);
  expect([parseMaxUnused('5%'), parseMaxUnused('unlimited'), parseMaxUnused('10M')]).toEqual([
    { percent: 5 },
    'unlimited',
    { bytes: 10_485_760 },
  ]);
  for (const bad of ['', '%', '100%', '-1%', 'x', '1x']) expect(() => parseMaxUnused(bad)).toThrow(AppError);
});

// Against restic -------------------------------------------------------------------------------------------------------

function restored(restic: Restic, id: string): Map<string, string> {
  const target = mkdtempSync(join(home, 'restored-'));
  restic.run(vault, ['restore', id, '--target', target]);
  const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const content = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(target.length), readFileSync(path).toString('base64')] as const;
  });
  rmSync(target, { recursive: true, force: true });
  return new Map(content);
}

describeWithRestic('prune and', (restic) => {
  /** Five backups by restic or by us in turn, files changing in between. */
  async function fill(byUs: (round: number) => boolean): Promise<void> {
    for (let round = 0; round < 5; round++) {
      writeFileSync(join(source, 'same'), noise(400_000, 99));
      writeFileSync(join(source, `only-${round}`), noise(300_000, 2 * round + 1));
      writeFileSync(join(source, 'sub', 'changing'), `${round}`.repeat(50_000));
      if (round > 1) rmSync(join(source, `only-${round - 2}`), { force: true });
      if (byUs(round)) await backup(repo, { paths: [source], hostname: 'here' });
      else restic.run(vault, ['backup', '--host', 'here', source]);
    }
  }

  test('its own repositories, ours, and mixed ones: every kept snapshot restores the same', async () => {
    await fill((round) => round % 2 === 0);
    const snapshots = await listSnapshots(repo);
    const kept = snapshots.slice(2).map(({ id }) => id);
    const before = kept.map((id) => restored(restic, id));
    await forget(...snapshots.slice(0, 2).map(({ id }) => id));
    const { plan, result } = await prune({ maxUnused: { bytes: 0 } });
    expect(plan.summary.packs.repack + plan.summary.packs.remove).toBeGreaterThan(0);
    expect(result.failure).toBeUndefined();
    restic.run(vault, ['check', '--read-data']);
    expect(kept.map((id) => restored(restic, id))).toEqual(before);
    await expectClean();
    // And restic finds nothing that is still to be deleted.
    const theirs = restic.run(vault, ['prune', '--max-unused', '0', '--dry-run', '-v']).toString();
    expect(theirs).toMatch(/unused size after prune: +0 B/);
  });

  test('finds nothing to do in a fresh repository of ours', async () => {
    mkdirSync(join(source, 'empty'));
    writeFileSync(join(source, 'file'), 'x');
    await backup(repo, { paths: [source], hostname: 'here' });
    const theirs = restic.run(vault, ['prune', '--dry-run', '-v']).toString();
    expect(theirs).toMatch(/to repack: +0 blobs/);
    expect((await planPrune(repo)).isEmpty).toBe(true);
  });

  test('a repository that restic made alone is pruned by us; what is ours restic prunes', async () => {
    await fill(() => false);
    const all = await listSnapshots(repo);
    const last = all.at(-1) as Snapshot;
    const before = restored(restic, last.id);
    await forget(...all.slice(0, -1).map(({ id }) => id));
    await prune({ maxUnused: { bytes: 0 } });
    restic.run(vault, ['check', '--read-data']);
    expect(restored(restic, last.id)).toEqual(before);
    await fill(() => true);
    restic.run(vault, ['forget', '--keep-last', '1', '--prune', '--max-unused', '0']);
    await expectClean();
    restic.run(vault, ['check', '--read-data']);
  });
});
