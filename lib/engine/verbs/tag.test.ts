import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { MemoryStore } from '#lib/stores/memory.ts';
import { craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { listSnapshots } from './snapshots.ts';
import { changeTags } from './tag.ts';

let store: MemoryStore;
let repo: Repository;
beforeEach(async () => {
  store = new MemoryStore();
  repo = await initRepository(store, { password: 'x', kdf: { N: 1024, r: 8, p: 1 } });
});

const snapshot = (fields: Record<string, unknown>) =>
  repo.saveUnpacked(
    'snapshot',
    Buffer.from(JSON.stringify({ time: '2026-01-01T00:00:00Z', tree: '1'.repeat(64), paths: ['/a'], ...fields })),
  );
const tagsOf = async () => (await listSnapshots(repo)).map(({ tags = [] }) => tags.join(','));

test('tags are set, added and removed; the first id of the line and unknown fields are kept', async () => {
  const first = await snapshot({ hostname: 'h', future: { field: [1] }, tags: ['a', 'b'] });
  const [one] = await changeTags(repo, { add: ['c', 'a'], remove: ['b'] });
  expect(one).toMatchObject({ before: { id: first }, after: { tags: ['a', 'c'], original: first } });
  await changeTags(repo, { set: ['z', 'z'] });
  await changeTags(repo, { set: [] });
  const [last, ...others] = await listSnapshots(repo);
  expect(others).toEqual([]);
  expect(last).toMatchObject({ original: first, hostname: 'h', future: { field: [1] } });
  expect(last?.tags).toBeUndefined();
});

test('what has the tags already stays as it is, and nothing is done for no tags at all', async () => {
  await snapshot({ tags: ['a'] });
  const before = await listSnapshots(repo);
  expect(await changeTags(repo, { add: ['a'], remove: ['b'] })).toEqual([]);
  expect(await changeTags(repo, { set: ['a'] })).toEqual([]);
  expect(await listSnapshots(repo)).toEqual(before);
  await expect(changeTags(repo, {})).rejects.toThrow('No tags');
  await expect(changeTags(repo, { add: ['a,b'] })).rejects.toThrow('cannot be a tag');
});

test('only what is chosen changes: by id, by host, by path, by tags in lists', async () => {
  await snapshot({ time: '2026-01-01T00:00:00Z', hostname: 'h1', tags: ['a', 'b'] });
  const second = await snapshot({ time: '2026-01-02T00:00:00Z', hostname: 'h2', tags: ['a'] });
  await snapshot({ time: '2026-01-03T00:00:00Z', hostname: 'h3', paths: ['/a', '/c'] });
  await changeTags(repo, { add: ['byId'] }, { snapshots: [second.slice(0, 12)] });
  await changeTags(repo, { add: ['byHost'] }, { hostnames: ['h1', 'h3'] });
  await changeTags(repo, { add: ['byPath'] }, { paths: ['/c'] });
  await changeTags(
    repo,
    { add: ['byTags'] },
    {
      tagLists: [
        ['a', 'b'],
        ['byPath', 'byHost'],
      ],
    },
  );
  await changeTags(repo, { add: ['latest'] }, { snapshots: ['latest'] });
  expect(await tagsOf()).toEqual(['a,b,byHost,byTags', 'a,byId', 'byHost,byPath,byTags,latest']);
  // One that does not exist stops it before anything is done.
  await expect(changeTags(repo, { set: [] }, { snapshots: [second.slice(0, 9), 'latest'] })).rejects.toThrow(
    'No snapshot',
  );
  expect(await tagsOf()).toEqual(['a,b,byHost,byTags', 'a,byId', 'byHost,byPath,byTags,latest']);
});

test('a run that broke off between writing and deleting is finished by the next, without a second copy', async () => {
  await snapshot({ tags: ['a'] });
  const error = () => new AppError('unavailable', 'no network');
  const broken = new FaultyStore(store, [{ method: 'delete', name: /^snapshots/, times: 1, error }]);
  const failing = await openRepository(broken, { password: 'x' });
  await expect(changeTags(failing, { add: ['b'] })).rejects.toThrow('no network');
  expect(await tagsOf()).toHaveLength(2);
  await changeTags(repo, { add: ['b'] });
  expect(await tagsOf()).toEqual(['a,b']);
});

test('nothing is lost when the new file cannot be written, and nobody else may be at work', async () => {
  await snapshot({ tags: ['a'] });
  const error = () => new AppError('no-space', 'full');
  const full = new FaultyStore(store, [{ method: 'put', name: /^snapshots/, error }]);
  await expect(changeTags(await openRepository(full, { password: 'x' }), { set: ['b'] })).rejects.toThrow('full');
  const lock = await repo.lock('shared');
  await expect(changeTags(repo, { set: ['b'] })).rejects.toMatchObject({ code: 'repository-locked' });
  await lock.release();
  expect(await tagsOf()).toEqual(['a']);
});

test('a snapshot that cannot be read is told and left alone', async () => {
  await craftSnapshot(repo, [craftTree([{ name: 'x' }])], []);
  const bad = `snapshots/${'5'.repeat(64)}`;
  await store.put(bad, [Buffer.from('rubbish')]);
  await expect(changeTags(repo, { add: ['a'] })).rejects.toMatchObject({ code: 'repository-damaged' });
  const problems = new Set<string>();
  await changeTags(repo, { add: ['a'] }, { onProblem: ({ path }) => problems.add(path) });
  expect([...problems]).toEqual([bad]);
  expect((await store.stat(bad)).size).toBe(7);
});

describeWithRestic('tags beside restic', (restic) => {
  test('are the same, whoever changes them', async () => {
    const home = mkdtempSync(join(tmpdir(), 'holdfast-tag-'));
    try {
      const vault = join(home, 'vault');
      restic.init(vault);
      writeFileSync(join(home, 'file'), 'x');
      const { id } = restic.backup(vault, home, 'file');
      const open = await openRepository(new LocalStore(vault), { password: PASSWORD });
      const seen = () => JSON.parse(restic.run(vault, ['snapshots', '--json']).toString())[0];
      await changeTags(open, { add: ['ours', 'ümläut <&>'] });
      expect(seen()).toMatchObject({ original: id, tags: ['ours', 'ümläut <&>'] });
      restic.run(vault, ['tag', '--add', 'theirs', '--remove', 'ours']);
      const [now] = await listSnapshots(open);
      expect(now?.original).toBe(id);
      // restic fills the place of a removed tag with the last one: the order means nothing to it.
      expect(now?.tags?.toSorted()).toEqual(['theirs', 'ümläut <&>']);
      await changeTags(open, { set: [] });
      expect(seen().tags).toBeUndefined();
      expect(restic.run(vault, ['check']).toString()).toContain('no errors were found');
      await open.close();
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
