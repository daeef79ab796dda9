// Every kind of entry, restored by us and looked at by restic: the same tree, nothing modified, nothing to store again.

import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { listing } from '../oracle/listing.ts';
import { makeOddFolder } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { posix } from '../restore/posix.ts';
import { backup } from './backup.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { planRestore } from './restore.ts';
import { listSnapshots } from './snapshots.ts';

const asRoot = process.getuid?.() === 0;
const PROGRAM = fileURLToPath(new URL('../../../bin/holdfast.ts', import.meta.url));
const DEVICE_MODE = { block: 0o060640, character: 0o020666 };
const TIMES = { atimeSec: 1_600_000_000, atimeNsec: 7, mtimeSec: 1_600_000_000, mtimeNsec: 123_456_789 };
/** user::rwx, user:1000:r--, group::r--, mask::r--, other::--- as Linux stores it: version 2, then tag, rights, id. */
const ACL = Buffer.from(
  `02000000${['0100 0700 ffffffff', '0200 0400 e8030000', '0400 0400 ffffffff', '1000 0400 ffffffff', '2000 0000 ffffffff'].join('')}`.replaceAll(
    ' ',
    '',
  ),
  'hex',
).toString('base64');

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-restore-oracle-'));
  chmodSync(home, 0o755);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

function addSpecial(folder: string): void {
  const special = join(folder, 'special');
  mkdirSync(special);
  const attribute = (name: string, key: string, value: string) =>
    posix?.setAttribute(Buffer.from(join(special, name)), { name: key, value });
  writeFileSync(join(special, 'file'), 'with attributes');
  mkdirSync(join(special, 'folder'));
  symlinkSync('file', join(special, 'link'));
  for (const name of ['file', 'folder']) {
    attribute(name, 'user.colour', Buffer.from([0, 1, 0xff]).toString('base64'));
    attribute(name, 'user.empty', '');
    attribute(name, 'system.posix_acl_access', ACL);
  }
  attribute('folder', 'system.posix_acl_default', ACL);
  writeFileSync(join(special, 'folder', 'without one'), 'the default of the folder is not its own');
  posix?.removeAttribute(Buffer.from(join(special, 'folder', 'without one')), 'system.posix_acl_access');
  chmodSync(join(special, 'folder', 'without one'), 0o644);
  if (asRoot) {
    attribute('link', 'trusted.mark', Buffer.from('on the link').toString('base64'));
    posix?.makeDevice(Buffer.from(join(special, 'block')), DEVICE_MODE.block, 0x0701n);
    posix?.makeDevice(Buffer.from(join(special, 'character')), DEVICE_MODE.character, 0x0103n);
    for (const name of ['block', 'character']) posix?.setTimes(Buffer.from(join(special, name)), TIMES);
  }
  posix?.setTimes(Buffer.from(join(special, 'file')), TIMES);
  posix?.setTimes(Buffer.from(join(special, 'link')), TIMES);
}

function attributes(folder: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(listing(folder))
      .filter((path) => path.startsWith('/special'))
      .map((path) => [path, posix?.attributes(Buffer.from(folder + path))]),
  );
}

describeWithRestic('a restore of every kind of entry', (restic) => {
  test.runIf(asRoot)(
    'gives what was there, to the nanosecond, and nothing looks modified to either program',
    async () => {
      const work = join(home, restic.label);
      const source = join(work, 'source');
      mkdirSync(work);
      makeOddFolder(source);
      addSpecial(source);
      const vault = join(work, 'vault');
      restic.init(vault);
      const { id } = restic.backup(vault, work, 'source');
      const store = new LocalStore(vault);
      const repo = await openRepository(store, { password: PASSWORD });
      const [snapshot] = await listSnapshots(repo);
      const target = join(work, 'restored');
      const made = await planRestore(repo, { snapshot: snapshot?.id as never, target, verify: true });
      const result = await made.execute();
      expect(result.problems.filter(({ during }) => during !== 'unsupported')).toEqual([]);
      const restored = join(target, 'source');
      const before = listing(source);
      // restic 0.14 cannot store a link target that is not UTF-8; what it makes of it is compared below.
      if (restic.label === 'stable') before['/links/bad target'] = listing(restored)['/links/bad target'] as string;
      expect(listing(restored)).toEqual(before);
      expect(attributes(restored)).toEqual(
        restic.label === 'stable' ? withoutLink(attributes(source)) : attributes(source),
      );
      for (const name of ['block', 'character']) {
        const [was, is] = [source, restored].map((folder) => lstatSync(join(folder, 'special', name)));
        expect([is?.mode, is?.rdev]).toEqual([was?.mode, was?.rdev]);
      }

      // The same again: nothing to write, nothing to set.
      const again = await planRestore(repo, { snapshot: snapshot?.id as never, target });
      expect(again.summary).toMatchObject({ create: { count: 0 }, overwrite: { count: 0 }, unsupported: { count: 0 } });
      const reasons = new Set(again.changes({ limit: 1000 }).map(({ reason }) => reason));
      expect([...reasons].filter((reason) => reason !== undefined)).toEqual(['same']);

      // restic, asked whether what it backed up is what lies there now: only inodes and change times differ.
      const args = [
        'backup',
        '--host',
        'oracle',
        '--json',
        '--ignore-inode',
        '--ignore-ctime',
        '--parent',
        id,
        'source',
      ];
      restic.run(vault, ['restore', '--verify', '-t', join(work, 'theirs'), 'latest']);
      expect(listing(join(work, 'theirs', 'source'))).toEqual(listing(restored));
      const said = restic.run(vault, args, { cwd: target }).toString().trim().split('\n');
      const summary = JSON.parse(said.at(-1) ?? '') as Record<string, number>;
      expect(summary).toMatchObject({ files_new: 0, files_changed: 0, data_blobs: 0 });

      // And our own backup: no data is stored.
      const { summary: ours } = await backup(repo, { paths: [restored], hostname: 'elsewhere' });
      expect(ours.data_blobs).toBe(0);
      await repo.close();
      await store.close();
    },
    120_000,
  );

  test.runIf(asRoot)(
    'as an ordinary user gives all but owners, devices and foreign attributes, and says so',
    async () => {
      const work = join(home, `${restic.label} user`);
      const source = join(work, 'source');
      mkdirSync(work);
      makeOddFolder(source);
      addSpecial(source);
      const vault = join(work, 'vault');
      restic.init(vault);
      restic.backup(vault, work, 'source');
      execFileSync('chmod', ['-R', 'a+rX', vault]);
      const place = join(work, 'place');
      mkdirSync(place);
      chmodSync(place, 0o777);
      const env = { ...process.env, RESTIC_PASSWORD: PASSWORD };
      const run = spawnSync(
        process.execPath,
        [PROGRAM, 'repo', 'restore', '-r', vault, '--no-lock', 'latest:/source', '-t', join(place, 'mine')],
        { uid: 65_534, gid: 65_534, env, encoding: 'utf8' },
      );
      expect(run.status).toBe(3);
      const told = run.stderr.trim().split('\n');
      expect(told.filter((line) => line.includes('only root can make a device'))).toHaveLength(2);
      expect(told.filter((line) => line.includes('only root can); setuid'))).toHaveLength(1);
      // Nothing else but the mark on the link, which newer restic versions store.
      expect(told.filter((line) => !/only root can|trusted\.mark/.test(line))).toEqual([]);
      const plain = (lines: Record<string, string>) =>
        Object.fromEntries(
          Object.entries(lines)
            .filter(([path]) => !/^\/(special\/(block|character)|links\/bad target)$/.test(path))
            .map(([path, line]) => [path, line.replace(/owner \d+:\d+/, '').replace(/mode \d+/, withoutSetId)]),
        );
      expect(plain(listing(join(place, 'mine')))).toEqual(plain(listing(source)));
      for (const name of ['setuid', 'setgid']) {
        expect(lstatSync(join(place, 'mine', 'files', name)).mode & 0o6000).toBe(0);
      }
    },
    120_000,
  );
});

function withoutSetId(mode: string): string {
  return (Number.parseInt(mode.slice(5), 8) & ~0o6000).toString(8);
}

function withoutLink(all: Record<string, unknown>): Record<string, unknown> {
  return { ...all, '/special/link': [] };
}

test('attributes of other systems are told once each, and the files are restored', async () => {
  const store = new LocalStore(join(home, 'crafted'));
  const repo = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
  const node = (name: string) => ({
    name,
    content: [blobId('text')],
    size: 4,
    generic_attributes: { 'windows.file_attributes': 32, 'future.colour': 'red' },
  });
  const tree = craftTree([node('a'), node('b')]);
  const snapshot = await craftSnapshot(repo, [tree], ['text']);
  const target = join(home, 'crafted target');
  const { problems } = await (await planRestore(repo, { snapshot, target })).execute();
  expect(problems.map(({ path, message }) => [path, message.split(' means')[0]])).toEqual([
    ['/a', 'The attribute "windows.file_attributes" of this entry and of 1 more'],
    ['/a', 'The attribute "future.colour" of this entry and of 1 more'],
  ]);
  expect(Object.keys(listing(target))).toEqual(['/a', '/b']);
  await repo.close();
  await store.close();
});
