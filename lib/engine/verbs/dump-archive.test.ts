import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '#lib/stores/memory.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { listing } from '../oracle/listing.ts';
import { makeOddFolder, noise } from '../oracle/odd-folder.ts';
import type { Repository } from '../repository/repository.ts';
import type { Problem, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { dumpArchive } from './dump-archive.ts';
import { initRepository } from './init.ts';

let home: string;
let repo: Repository;
let snapshot: SnapshotId;
const store = new MemoryStore();

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-archive-'));
  makeOddFolder(join(home, 'odd'));
  repo = await initRepository(store, { password: 'archives', kdf: { N: 1024, r: 8, p: 1 } });
  snapshot = (await backup(repo, { paths: [join(home, 'odd')], hostname: 'here' })).snapshot.id;
});
afterAll(async () => {
  await repo.close();
  await store.close();
  rmSync(home, { recursive: true, force: true });
});

test('a tar unpacks to the same folder: names, modes, owners, times, links and hard links', async () => {
  const file = join(home, 'odd.tar');
  await pipeline(await dumpArchive(repo, snapshot, [join(home, 'odd')], { format: 'tar' }), createWriteStream(file));
  const out = join(home, 'untarred');
  mkdirSync(out);
  // tar warns about times in the future on stderr.
  const owner = process.getuid?.() === 0 ? ['--same-owner'] : [];
  execFileSync('tar', ['-xpf', file, '-C', out, ...owner], { stdio: ['ignore', 'ignore', 'ignore'] });
  expect(listing(join(out, 'odd'))).toEqual(listing(join(home, 'odd')));
});

test('an inode that was given to a second file during the backup does not mix up the two in a tar', async () => {
  const node = (name: string, content: string) => ({ name, content: [blobId(content)], size: 5, links: 2, inode: 7 });
  const tree = craftTree([node('a', 'first'), node('b', 'other'), node('c', 'first')]);
  const crafted = await craftSnapshot(repo, [tree], ['first', 'other']);
  const file = join(home, 'reused.tar');
  await pipeline(await dumpArchive(repo, crafted, ['/'], { format: 'tar' }), createWriteStream(file));
  const out = join(home, 'reused');
  mkdirSync(out);
  execFileSync('tar', ['-xf', file, '-C', out]);
  expect(['a', 'b', 'c'].map((name) => readFileSync(join(out, name), 'utf8'))).toEqual(['first', 'other', 'first']);
  expect(statSync(join(out, 'a')).ino).toBe(statSync(join(out, 'c')).ino);
});

test('a tar keeps its paths when the name of a group is long and not ASCII', async () => {
  const tree = craftTree([{ name: 'a', group: 'группа'.repeat(10) }]);
  const file = join(home, 'group.tar');
  const crafted = await craftSnapshot(repo, [tree], []);
  await pipeline(await dumpArchive(repo, crafted, ['/'], { format: 'tar' }), createWriteStream(file));
  expect(execFileSync('tar', ['-tf', file], { encoding: 'utf8' })).toBe('a\n');
  const listed = execFileSync('tar', ['-tvf', file, '--quoting-style=literal'], { encoding: 'utf8' });
  expect(listed).toContain(`/${'группа'.repeat(2)}гру `);
});

/** Entries of a zip's central directory: PKWARE APPNOTE, 4.3.12. */
function zipEntries(zip: Buffer): Map<string, { mode: number; content: Buffer }> {
  const entries = new Map<string, { mode: number; content: Buffer }>();
  for (let at = zip.indexOf('PK\x01\x02', 'latin1'); zip.readUInt32LE(at) === 0x02014b50; ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    const content = zip.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed;
    entries.set(name, { mode: zip.readUInt32LE(at + 38) >>> 16, content });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

test('a zip holds files, folders and links, and what it cannot hold is told', async () => {
  const problems: Problem[] = [];
  const paths = [join(home, 'odd', 'files'), join(home, 'odd', 'links'), join(home, 'odd', 'sub')];
  const onProblem = (problem: Problem) => problems.push(problem);
  const parts: Buffer[] = [];
  for await (const part of await dumpArchive(repo, snapshot, paths, { format: 'zip', onProblem })) parts.push(part);
  const entries = zipEntries(Buffer.concat(parts));
  expect(entries.get('files/large')?.content.equals(noise(9_500_000, 4))).toBe(true);
  expect(entries.get('files/setuid')?.mode).toBe(0o104755);
  expect(entries.get('files/empty')?.content).toHaveLength(0);
  expect(entries.get('links/good')).toMatchObject({ mode: 0o120777, content: Buffer.from('first') });
  expect(entries.has('sub/empty folder/')).toBe(true);
  expect(entries.get('sub/d%5Cxff/inside')?.content.toString()).toBe('below a name that is no text');
  expect(problems.map(({ path, during }) => [path, during])).toEqual([
    [join(home, 'odd', 'links', 'fifo'), 'unsupported'],
  ]);
});

test('a reader that goes away ends the work without a complaint', async () => {
  for (const format of ['tar', 'zip'] as const) {
    const problems: Problem[] = [];
    const onProblem = (problem: Problem) => problems.push(problem);
    const stream = await dumpArchive(repo, snapshot, ['/'], { format, onProblem });
    for await (const part of stream) {
      expect(part.length).toBeGreaterThan(0);
      break;
    }
    expect(stream.destroyed).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(problems).toEqual([]);
  }
});

test('an error before anyone reads waits for the reader', async () => {
  const tree = craftTree([{ name: 'a', content: [blobId('lost')], size: 4 }]);
  const crafted = await craftSnapshot(repo, [tree], []);
  for (const format of ['tar', 'zip'] as const) {
    const stream = await dumpArchive(repo, crafted, ['/'], { format });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(stream.toArray()).rejects.toThrow(blobId('lost').slice(0, 8));
  }
});

test('a path that the snapshot does not have is refused before the first byte', async () => {
  await expect(dumpArchive(repo, snapshot, ['/none'], { format: 'tar' })).rejects.toThrow('is not in the snapshot');
});
