import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MemoryStore } from '#lib/stores/memory.ts';
import { craftSnapshot, craftTree } from '../oracle/crafted.ts';
import type { Repository } from '../repository/repository.ts';
import type { DiffEntry, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { diffSnapshots } from './diff.ts';
import { findEntries } from './find.ts';
import { initRepository } from './init.ts';
import { listFolder } from './ls.ts';
import { listSnapshots, resolveSnapshot } from './snapshots.ts';

let repo: Repository;
const store = new MemoryStore();

beforeAll(async () => {
  repo = await initRepository(store, { password: 'listing', kdf: { N: 1024, r: 8, p: 1 } });
});
afterAll(async () => {
  await repo.close();
  await store.close();
});

describe('a folder of 100,000 entries', () => {
  const WIDTH = 100_000;
  let snapshot: SnapshotId;

  beforeAll(async () => {
    const nodes = Array.from({ length: WIDTH }, (_, i) => ({ name: `file ${i}`, size: i % 1000 }));
    nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
    const folder = { name: 'zz folder', subtree: (await import('../oracle/crafted.ts')).blobId(craftTree([])) };
    snapshot = await craftSnapshot(repo, [craftTree([]), craftTree([...nodes, folder])], ['x']);
  });

  test('opens in natural order with folders first, and turns pages without decoding again', async () => {
    const first = await listFolder(repo, snapshot, '/', { limit: 5 });
    expect(first.entries.map(({ name }) => name)).toEqual(['zz folder', 'file 0', 'file 1', 'file 2', 'file 3']);
    expect(first).toMatchObject({ total: WIDTH + 1, matching: WIDTH + 1, next: 5, problems: [] });
    const started = performance.now();
    const last = await listFolder(repo, snapshot, '/', { offset: WIDTH, limit: 5 });
    // Decoding takes some 500 ms here; a page is a slice.
    expect(performance.now() - started).toBeLessThan(150);
    expect(last.entries.map(({ path }) => path)).toEqual([`/file ${WIDTH - 1}`]);
    expect(last.next).toBeUndefined();
  });

  test('is searched and sorted by size', async () => {
    const found = await listFolder(repo, snapshot, '/', { search: 'FILE 9999', sort: 'size', order: 'desc' });
    expect(found.matching).toBe(11);
    expect(found.entries[0]).toMatchObject({ name: 'file 9999', size: 999 });
  });

  test('is read once when many ask at the same time', async () => {
    const pages = await Promise.all(
      Array.from({ length: 20 }, (_, i) => listFolder(repo, snapshot, '/', { offset: i })),
    );
    expect(pages.every(({ total }) => total === WIDTH + 1)).toBe(true);
  });
});

test('hostile names are left out of a listing and told', async () => {
  const snapshot = await craftSnapshot(repo, [craftTree([{ name: '../evil' }, { name: 'good' }])], ['y']);
  const page = await listFolder(repo, snapshot, '/');
  expect(page.entries.map(({ name }) => name)).toEqual(['good']);
  expect(page.problems).toEqual(['"../evil": The name contains a slash; the entry is left out.']);
  await expect(listFolder(repo, snapshot, '/good')).rejects.toThrow('not a folder');
});

describe('two snapshots', () => {
  let home: string;
  let before: SnapshotId;
  let after: SnapshotId;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-diff-'));
    mkdirSync(join(home, 'same'));
    writeFileSync(join(home, 'same', 'file'), 'same');
    mkdirSync(join(home, 'gone', 'deep'), { recursive: true });
    writeFileSync(join(home, 'gone', 'deep', 'file'), 'gone');
    writeFileSync(join(home, 'changed'), 'one');
    writeFileSync(join(home, 'mode'), 'mode');
    writeFileSync(join(home, 'turns'), 'a file');
    before = (await backup(repo, { paths: [home], hostname: 'diff', tags: ['first'] })).snapshot.id;
    rmSync(join(home, 'gone'), { recursive: true });
    appendFileSync(join(home, 'changed'), ' two');
    chmodSync(join(home, 'mode'), 0o600);
    rmSync(join(home, 'turns'));
    symlinkSync('elsewhere', join(home, 'turns'));
    linkSync(join(home, 'mode'), join(home, 'new'));
    after = (await backup(repo, { paths: [home], hostname: 'diff' })).snapshot.id;
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const changes = async (a: SnapshotId, b: SnapshotId, path = home) => {
    const all: DiffEntry[] = [];
    for await (const entry of diffSnapshots(repo, a, b, { path })) all.push(entry);
    return all.map(({ change, path: at, sizeBefore, sizeAfter }) => [
      change,
      at.slice(home.length),
      sizeBefore,
      sizeAfter,
    ]);
  };

  test('differ by what was added, removed, changed and turned into something else', async () => {
    expect(await changes(before, after)).toEqual([
      ['modified', '/changed', 3, 7],
      ['removed', '/gone', undefined, undefined],
      ['removed', '/gone/deep', undefined, undefined],
      ['removed', '/gone/deep/file', 4, undefined],
      ['metadata', '/mode', 4, 4],
      ['added', '/new', undefined, 4],
      ['type', '/turns', 6, undefined],
    ]);
    expect(await changes(after, before)).toContainEqual(['added', '/gone/deep/file', undefined, 4]);
    expect(await changes(after, after)).toEqual([]);
  });

  test('are compared below one folder, even when only one has it', async () => {
    expect(await changes(before, after, `${home}/gone`)).toEqual([
      ['removed', '/gone/deep', undefined, undefined],
      ['removed', '/gone/deep/file', 4, undefined],
    ]);
    await expect(changes(before, after, `${home}/nowhere`)).rejects.toThrow('is not in the snapshot');
  });

  test('are found by host, path and tag, and by the first digits of the id', async () => {
    expect((await listSnapshots(repo, { hostname: 'diff' })).map(({ id }) => id)).toEqual([before, after]);
    expect((await listSnapshots(repo, { paths: [home], tags: ['first'] })).map(({ id }) => id)).toEqual([before]);
    expect((await resolveSnapshot(repo, before.slice(0, 10))).snapshot.id).toBe(before);
    await expect(resolveSnapshot(repo, 'zz')).rejects.toThrow('not a snapshot id');
  });

  test('are searched for names', async () => {
    const snapshots = await listSnapshots(repo, { hostname: 'diff' });
    const found: string[] = [];
    for await (const { entry } of findEntries(repo, snapshots, ['DEEP/f*'], { ignoreCase: true }))
      found.push(entry.path);
    expect(found).toEqual([`${home}/gone/deep/file`]);
  });
});
