import { hash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { noise } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { checkRepository } from '../verbs/check.ts';
import { initRepository } from '../verbs/init.ts';
import { openRepository } from '../verbs/open.ts';
import { BlobSaver } from './blob-saver.ts';
import type { HeldLock } from './lock.ts';
import type { Repository } from './repository.ts';

let home: string;
let store: LocalStore;
let repo: Repository;
let lock: HeldLock;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-saver-'));
  store = new LocalStore(join(home, 'vault'));
  repo = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
  lock = await repo.lock('shared');
});
afterEach(async () => {
  await lock.release();
  await repo.close();
  rmSync(home, { recursive: true, force: true });
});

function files(folder: string): string[] {
  return readdirSync(join(home, 'vault', folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

/** Text compresses, noise does not; both from a seed. */
function blobs(count: number, bytes: number): { id: string; plain: Buffer }[] {
  return Array.from({ length: count }, (_, number) => {
    const seed = hash('sha256', `${number}`, 'hex');
    const plain = number % 2 ? Buffer.alloc(bytes, seed) : noise(bytes, number);
    return { id: hash('sha256', plain, 'hex'), plain };
  });
}

const idOf = (plain: Buffer) => hash('sha256', plain, 'hex');

async function savedAll(saver: BlobSaver, all: { id: string; plain: Buffer }[]) {
  for (const { id, plain } of all) await saver.save('data', id, plain);
}

async function expectThere(all: { id: string; plain: Buffer }[]) {
  const again = await openRepository(store, { password: PASSWORD });
  await again.loadIndex();
  for (const { id, plain } of all) expect((await again.loadBlob('data', id)).equals(plain)).toBe(true);
  await again.close();
}

describe('a saver of blobs', () => {
  test('stores a few without threads, data and trees in separate packs, and the index after them', async () => {
    const few = blobs(4, 1000);
    const tree = Buffer.from('{"nodes":[]}\n');
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    await savedAll(saver, few);
    await saver.save('tree', idOf(tree), tree);
    expect(files('data')).toEqual([]);
    await saver.finish();
    await saver.close();
    expect(files('data')).toHaveLength(2);
    expect(files('index')).toHaveLength(1);
    expect(saver.totals.blobs).toBe(5);
    await expectThere(few);
    expect((await checkRepository(repo, { readData: true, noLock: true })).findings.map(({ kind }) => kind)).toEqual(
      [],
    );
  });

  test('stores many through threads in few packs, and copies what it is given at once', async () => {
    const many = [...blobs(40, 700_000), ...blobs(3000, 500), ...blobs(10, 0)];
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    const scratch = Buffer.alloc(1 << 20);
    for (const { id, plain } of many) {
      plain.copy(scratch);
      const saved = saver.save('data', id, scratch.subarray(0, plain.length));
      scratch.fill(0);
      await saved;
    }
    await saver.finish();
    await saver.close();
    // Ten empty blobs are one; half of the large ones are text that compresses to nothing.
    expect(saver.totals.blobs).toBe(40 + 3000 + 1);
    expect(files('data').length).toBeLessThanOrEqual(2);
    await expectThere(many);
  });

  test('stores a blob once, and goes on after finish()', async () => {
    const [first, second] = blobs(2, 3000) as [{ id: string; plain: Buffer }, { id: string; plain: Buffer }];
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    expect(await saver.save('data', first.id, first.plain)).toBe(true);
    await saver.finish();
    expect(await saver.save('data', first.id, first.plain)).toBe(false);
    expect(await saver.save('tree', first.id, first.plain)).toBe(true);
    expect(await saver.save('data', second.id, second.plain)).toBe(true);
    const proof = await saver.finish();
    await saver.writer.writeSnapshot(proof, { time: '2026-01-01T00:00:00Z', tree: first.id as never, paths: ['/x'] });
    await saver.close();
    expect(files('index')).toHaveLength(2);
    expect(files('snapshots')).toHaveLength(1);
    await expectThere([first, second]);
  });

  test('refuses a blob that is not what its id says', async () => {
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    await expect(saver.save('data', 'ab'.repeat(32), Buffer.from('other'))).rejects.toThrow(
      /does not have the content/,
    );
    const large = noise(2 << 20, 1);
    const threaded = (async () => {
      await saver.save('data', 'cd'.repeat(32), large);
      await saver.finish();
    })();
    await expect(threaded).rejects.toThrow(/does not have the content/);
    await saver.close();
    expect(files('data')).toEqual([]);
  });

  test('ends at once when cancelled, and leaves no upload behind', async () => {
    const controller = new AbortController();
    const saver = new BlobSaver(repo, lock, { work: 'test', signal: controller.signal });
    const many = blobs(60, 700_000);
    const work = savedAll(saver, many).then(() => saver.finish());
    setTimeout(() => controller.abort(), 30);
    await expect(work).rejects.toMatchObject({ code: 'cancelled' });
    await saver.close();
    expect(files('index')).toEqual([]);
  });

  test('writes nothing more when its lock is gone', async () => {
    const other = await repo.lock('shared');
    const saver = new BlobSaver(repo, other, { work: 'test' });
    await savedAll(saver, blobs(3, 5000));
    await other.release();
    await expect(saver.finish()).rejects.toMatchObject({ code: 'repository-locked' });
    await saver.close();
    expect(files('data')).toEqual([]);
  });

  test('an upload that fails ends it with the error of the store, before any index', async () => {
    const error = () => new AppError('no-space', 'The disk is full.');
    const faulty = new FaultyStore(store, [{ method: 'put', name: /^data/, error }]);
    const full = await openRepository(faulty, { password: PASSWORD });
    const saver = new BlobSaver(full, lock, { work: 'test' });
    await expect(savedAll(saver, blobs(60, 700_000)).then(() => saver.finish())).rejects.toMatchObject({
      code: 'no-space',
    });
    await saver.close();
    expect(files('index')).toEqual([]);
  });

  test('takes sealed blobs of another repository and keeps their compressed content', async () => {
    const otherStore = new LocalStore(join(home, 'other'));
    const other = await initRepository(otherStore, { password: 'other', kdf: { N: 1024, r: 8, p: 1 } });
    const otherLock = await other.lock('shared');
    const all = blobs(2000, 2500);
    const filling = new BlobSaver(other, otherLock, { work: 'test' });
    await savedAll(filling, all);
    await filling.finish();
    await filling.close();
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    for (const { id } of all) {
      const place = other.lookup('data', id);
      if (!place) throw new Error('not there');
      await saver.saveSealed({ type: 'data', id, ...place }, await other.loadSealed(place), other);
    }
    await saver.finish();
    await saver.close();
    await otherLock.release();
    expect(saver.totals).toEqual(filling.totals);
    await expectThere(all);
  });

  test('a damaged sealed blob is taken from its other copy; without one the error names blob and pack', async () => {
    const data = 'twice in the repository';
    const tree = craftTree([{ name: 'f', content: [idOf(Buffer.from(data))], size: data.length }]);
    await craftSnapshot(repo, [tree], [data]);
    await craftSnapshot(repo, [tree], [data]);
    await repo.loadIndex();
    const places = repo.index.lookupAll('data', idOf(Buffer.from(data)));
    expect(places).toHaveLength(2);
    const damage = (pack: string) => {
      const file = join(home, 'vault', 'data', pack.slice(0, 2), pack);
      chmodSync(file, 0o600);
      const bytes = readFileSync(file);
      bytes[20] = (bytes[20] as number) ^ 1;
      writeFileSync(file, bytes);
    };
    const [place, otherPlace] = places as [(typeof places)[0], (typeof places)[0]];
    damage(place.pack);
    const blob = { type: 'data' as const, id: idOf(Buffer.from(data)) };
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    await saver.saveSealed(blob, await repo.loadSealed(place), repo);
    await saver.finish();
    await saver.close();
    expect(saver.totals.blobs).toBe(1);
    for (const { pack } of repo.index.lookupAll('data', blob.id)) if (pack !== place.pack) damage(pack);
    const second = new BlobSaver(repo, lock, { work: 'test' });
    const attempt = second.saveSealed(blob, await repo.loadSealed(otherPlace), repo).then(() => second.finish());
    await expect(attempt).rejects.toThrow(new RegExp(`${blob.id} in pack [0-9a-f]{64} is damaged`));
    await second.close();
  });
});

describeWithRestic('what a saver stored', (restic) => {
  test('restic reads back', async () => {
    const contents = blobs(30, 900_000);
    const node = (number: number) => ({
      name: `f${1000 + number}`,
      content: [contents[number]?.id ?? ''],
      size: 900_000,
    });
    const tree = Buffer.from(craftTree(contents.map((_, number) => node(number))));
    const saver = new BlobSaver(repo, lock, { work: 'test' });
    await savedAll(saver, contents);
    await saver.save('tree', idOf(tree), tree);
    const proof = await saver.finish();
    await saver.writer.writeSnapshot(proof, { time: '2026-01-01T00:00:00Z', tree: idOf(tree) as never, paths: ['/x'] });
    await saver.close();
    await lock.release();
    restic.run(store.location, ['check', '--read-data']);
  });
});
