import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { noise } from '../oracle/odd-folder.ts';
import type { Repository } from '../repository/repository.ts';
import type { CheckResult, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { parseSubset } from './check-subset.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { planRestore } from './restore.ts';

const password = 'check tests';
let home: string;
let source: string;
let store: LocalStore;
let repo: Repository;
let snapshot: SnapshotId;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-check-'));
  source = join(home, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  store = new LocalStore(join(home, 'vault'));
  repo = await initRepository(store, { password, kdf: { N: 1024, r: 8, p: 1 } });
  // Two backups, so that the files lie in different packs.
  writeFileSync(join(source, 'first'), noise(900_000, 1));
  await backup(repo, { paths: [source], hostname: 'here' });
  writeFileSync(join(source, 'sub', 'second'), noise(900_000, 2));
  snapshot = (await backup(repo, { paths: [source], hostname: 'here' })).snapshot.id;
});
afterEach(async () => {
  await repo.close();
  await store.close();
  rmSync(home, { recursive: true, force: true });
});

/** As another process would find it. */
async function reopened(): Promise<Repository> {
  await repo.close();
  repo = await openRepository(store, { password });
  return repo;
}

async function packOf(path: string): Promise<{ file: string; id: string; offset: number }> {
  await repo.loadIndex();
  const { findNode } = await import('./ls-walk.ts');
  const { loadSnapshot } = await import('./snapshots.ts');
  const node = await findNode(repo, (await loadSnapshot(repo, snapshot)).tree, `${source}/${path}`);
  const place = repo.lookup('data', node?.content?.[0] ?? '');
  if (!place) throw new Error(`no blob for ${path}`);
  return {
    file: join(home, 'vault', 'data', place.pack.slice(0, 2), place.pack),
    id: place.pack,
    offset: place.offset,
  };
}

function kinds({ findings }: CheckResult, severity = 'error'): string[] {
  return [...new Set(findings.filter((finding) => finding.severity === severity).map(({ kind }) => kind))].sort();
}

function flipBit(file: string, at: number): void {
  chmodSync(file, 0o600);
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(file, bytes);
}

test('a sound repository has no findings', async () => {
  const result = await checkRepository(await reopened(), { readData: true });
  expect(result).toMatchObject({ ok: true, snapshots: 2, findings: [] });
  expect(readdirSync(join(home, 'vault', 'locks'))).toEqual([]);
});

test('fault 3: a missing pack is named with the files it takes along; the rest is restored', async () => {
  const { file, id } = await packOf('sub/second');
  rmSync(file);
  const result = await checkRepository(await reopened());
  expect(kinds(result)).toEqual(['lost-content', 'missing-pack']);
  expect(result.findings).toContainEqual(expect.objectContaining({ kind: 'missing-pack', pack: id }));
  expect(result.findings).toContainEqual(expect.objectContaining({ path: `${source}/sub/second`, snapshot }));

  const target = join(home, 'target');
  const restored = await (await planRestore(repo, { snapshot, target, strip: source })).execute();
  expect(restored.problems).toEqual([
    { path: `${source}/sub/second`, during: 'read', message: expect.stringContaining('is missing') },
  ]);
  expect(readFileSync(join(target, 'first')).equals(noise(900_000, 1))).toBe(true);
  expect(readdirSync(join(target, 'sub'))).toEqual([]);
});

test('fault 1: a flipped bit is found by reading, named as blob, pack and file, and never restored', async () => {
  const { file, id, offset } = await packOf('first');
  flipBit(file, offset + 5000);
  await reopened();
  expect((await checkRepository(repo)).ok).toBe(true);
  const result = await checkRepository(repo, { readData: true });
  expect(kinds(result)).toEqual(['damaged-blob', 'damaged-pack', 'lost-content']);
  expect(result.findings).toContainEqual(expect.objectContaining({ kind: 'damaged-blob', pack: id }));
  expect(result.findings).toContainEqual(expect.objectContaining({ kind: 'lost-content', path: `${source}/first` }));

  const target = join(home, 'target');
  mkdirSync(target);
  writeFileSync(join(target, 'first'), 'old but whole');
  const restored = await (await planRestore(repo, { snapshot, target, strip: source })).execute();
  expect(restored.problems.map(({ path }) => path)).toEqual([`${source}/first`]);
  expect(readFileSync(join(target, 'first'), 'utf8')).toBe('old but whole');
  expect(readFileSync(join(target, 'sub', 'second')).equals(noise(900_000, 2))).toBe(true);
  expect(readdirSync(target).sort()).toEqual(['first', 'sub']);
});

test('fault 4: a damaged pack header is found, and the blobs in front of it still count as good', async () => {
  const { file } = await packOf('first');
  flipBit(file, readFileSync(file).length - 20);
  const result = await checkRepository(await reopened(), { readData: true });
  expect(kinds(result)).toEqual(['damaged-header', 'damaged-pack']);
});

test('fault 2: a truncated pack is found without reading it', async () => {
  const { file, id } = await packOf('first');
  chmodSync(file, 0o600);
  writeFileSync(file, readFileSync(file).subarray(0, 1000));
  const result = await checkRepository(await reopened());
  expect(result.findings).toContainEqual(expect.objectContaining({ kind: 'wrong-size', pack: id, severity: 'error' }));
  expect((await checkRepository(repo, { readData: true })).ok).toBe(false);
});

test('fault 7: a missing index file is found through what the snapshots need', async () => {
  for (const name of readdirSync(join(home, 'vault', 'index')).slice(0, 1)) rmSync(join(home, 'vault', 'index', name));
  const result = await checkRepository(await reopened());
  expect(result.ok).toBe(false);
  expect(kinds(result, 'hint')).toEqual(['unreferenced-pack']);
});

test('fault 7: a damaged index file is named and the others are still used', async () => {
  const [name] = readdirSync(join(home, 'vault', 'index'));
  flipBit(join(home, 'vault', 'index', name as string), 40);
  const result = await checkRepository(await reopened());
  expect(kinds(result)).toContain('damaged-index');
  expect(result.findings.find(({ kind }) => kind === 'damaged-index')?.message).toContain(name);
});

test('a damaged snapshot is named and the others are checked', async () => {
  flipBit(join(home, 'vault', 'snapshots', snapshot), 40);
  const result = await checkRepository(await reopened());
  expect(kinds(result)).toEqual(['damaged-snapshot']);
  expect(result.snapshots).toBe(1);
});

test('snapshots that restore completely are told from those that do not', async () => {
  const { file } = await packOf('sub/second');
  rmSync(file);
  const result = await checkRepository(await reopened());
  expect(result.damagedSnapshots).toEqual([snapshot]);
  expect(result.snapshots).toBe(2);
});

test('damage that no snapshot leads to leaves them all whole', async () => {
  for (const id of readdirSync(join(home, 'vault', 'snapshots'))) {
    if (id !== snapshot) rmSync(join(home, 'vault', 'snapshots', id));
  }
  rmSync(join(source, 'first'));
  await backup(repo, { paths: [source], hostname: 'here' });
  const { file } = await packOf('first');
  rmSync(join(home, 'vault', 'snapshots', snapshot));
  rmSync(file);
  const result = await checkRepository(await reopened());
  expect(result).toMatchObject({ ok: false, snapshots: 1, damagedSnapshots: [] });
});

test('parts of the data add up to all of it', async () => {
  await reopened();
  const all = await checkRepository(repo, { readData: true });
  let sum = 0;
  for (const part of [1, 2, 3]) {
    sum += (await checkRepository(repo, { readDataSubset: { kind: 'part', part, of: 3 } })).bytesRead;
  }
  expect(sum).toBe(all.bytesRead);
  expect((await checkRepository(repo, { readDataSubset: { kind: 'share', percent: 100 } })).bytesRead).toBe(sum);
  const few = await checkRepository(repo, { readDataSubset: parseSubset('1') });
  expect(few.bytesRead).toBeGreaterThan(0);
  expect(few.bytesRead).toBeLessThan(sum);
});

test('what the newest snapshot uses is read, and what only older ones use is not', async () => {
  rmSync(join(source, 'first'));
  await backup(repo, { paths: [source], hostname: 'here' });
  const { file, offset } = await packOf('first');
  flipBit(file, offset + 5000);
  await reopened();
  expect((await checkRepository(repo, { readDataSubset: { kind: 'newest', snapshots: 1 } })).ok).toBe(true);
  expect((await checkRepository(repo, { readDataSubset: { kind: 'newest', snapshots: 2 } })).ok).toBe(false);
});

test('fault 31: junk beside the packs and an unindexed pack are no errors', async () => {
  writeFileSync(join(home, 'vault', 'data', 'notes.txt'), 'x');
  mkdirSync(join(home, 'vault', 'data', 'ab'), { recursive: true });
  writeFileSync(join(home, 'vault', 'data', 'ab', `ab${'0'.repeat(62)}`), 'interrupted');
  const result = await checkRepository(await reopened(), { readData: true });
  expect(result.ok).toBe(true);
  expect(kinds(result, 'hint')).toEqual(['unreferenced-pack']);
});

test('fault 2: bytes appended to a pack are found', async () => {
  const { file } = await packOf('first');
  chmodSync(file, 0o600);
  appendFileSync(file, 'x');
  expect(kinds(await checkRepository(await reopened()))).toEqual(['wrong-size']);
});

test('faults 13 and 14: trees that restic would let pass are errors here: hostile and duplicate names, files without content', async () => {
  const file = (name: string) => ({ name, content: [blobId('x')], size: 1 });
  const root = craftTree([
    file('../evil'),
    file('b'),
    file('b'),
    file('a'),
    { name: 'c', content: null },
    { name: 'd', content: ['f'.repeat(64)] },
  ]);
  await craftSnapshot(repo, [root], ['x']);
  const result = await checkRepository(await reopened());
  expect(kinds(result)).toEqual(['bad-name', 'duplicate-name', 'missing-blob', 'missing-content']);
  expect(kinds(result, 'hint')).toEqual(['unsorted-tree']);
});

test('fault 3: a folder whose tree is lost is named by its path', async () => {
  const root = craftTree([{ name: 'gone', subtree: 'e'.repeat(64) }]);
  const crafted = await craftSnapshot(repo, [root], ['x']);
  const result = await checkRepository(await reopened());
  expect(result.findings).toEqual([
    expect.objectContaining({ kind: 'damaged-tree', path: '/gone', snapshot: crafted, severity: 'error' }),
  ]);
});

test('a check can be cancelled and leaves no lock', async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(checkRepository(repo, { signal: stop.signal })).rejects.toMatchObject({ code: 'cancelled' });
  expect(readdirSync(join(home, 'vault', 'locks'))).toEqual([]);
});

test('a disk that is unmounted while it is open fails backup and check; the mount point stays empty', async () => {
  const vault = join(home, 'vault');
  for (const opened of [false, true]) {
    if (opened) await (await reopened()).loadIndex();
    renameSync(vault, `${vault}-away`);
    mkdirSync(vault);
    writeFileSync(join(source, 'third'), noise(10_000, 3));
    const gone = { code: 'unavailable', message: expect.stringContaining('no longer mounted') };
    await expect(backup(repo, { paths: [source], hostname: 'here' })).rejects.toMatchObject(gone);
    await expect(checkRepository(repo, { readData: true })).rejects.toMatchObject(gone);
    await expect(checkRepository(repo, { noLock: true })).rejects.toMatchObject(gone);
    expect(readdirSync(vault)).toEqual([]);
    rmSync(vault, { recursive: true });
    renameSync(`${vault}-away`, vault);
  }
  expect((await checkRepository(repo)).ok).toBe(true);
});
