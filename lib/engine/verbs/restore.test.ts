import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { blobId, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import { listing } from '../oracle/listing.ts';
import { noise } from '../oracle/odd-folder.ts';
import type { Repository } from '../repository/repository.ts';
import type { RestoreOptions, RestoreProgress, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { initRepository } from './init.ts';
import { planRestore } from './restore.ts';

const asRoot = process.getuid?.() === 0;
const PASSWORD = 'restore tests';

let home: string;
let source: string;
let target: string;
let store: LocalStore;
let repo: Repository;
let snapshot: SnapshotId;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-restore-'));
  chmodSync(home, 0o755);
  source = join(home, 'source');
  mkdirSync(join(source, 'folder', 'deep'), { recursive: true });
  writeFileSync(join(source, 'small'), 'small file');
  writeFileSync(join(source, 'folder', 'large'), noise(9_000_000, 9));
  writeFileSync(join(source, 'folder', 'empty'), '');
  writeFileSync(join(source, 'folder', 'deep', 'file'), 'deep file');
  symlinkSync('small', join(source, 'link'));
  linkSync(join(source, 'small'), join(source, 'second name'));
  for (const name of ['small', 'folder/large', 'folder/deep/file']) utimesSync(join(source, name), 1.7e9, 1.7e9);
  lutimesSync(join(source, 'link'), 1.7e9, 1.7e9);
  store = new LocalStore(join(home, 'vault'));
  repo = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
  snapshot = (await backup(repo, { paths: [source], hostname: 'here' })).snapshot.id;
}, 30_000);
afterAll(async () => {
  await repo.close();
  await store.close();
  rmSync(home, { recursive: true, force: true });
});
let round = 0;
beforeEach(() => {
  target = join(home, `target ${round++}`);
});

const plan = (options: Partial<RestoreOptions> = {}) =>
  planRestore(repo, { snapshot, target, strip: source, ...options });
const restore = async (options: Partial<RestoreOptions> = {}) => (await plan(options)).execute();

describe('a plan', () => {
  test('says what would happen and writes nothing', async () => {
    const { summary } = await plan();
    expect(summary.create).toEqual({ count: 9, bytes: 9_000_019 });
    expect(summary.freeBytes).toBeGreaterThan(0);
    expect(existsSync(target)).toBe(false);
  });

  test('tells what is there already apart by content, not by time', async () => {
    await restore();
    writeFileSync(join(target, 'small'), 'SMALL FILE');
    utimesSync(join(target, 'folder', 'large'), 1, 1);
    writeFileSync(join(target, 'folder', 'mine'), 'stays');
    const second = await plan({ overwrite: 'if-changed' });
    expect(second.summary).toMatchObject({ create: { count: 0 }, extra: { count: 1 }, unsupported: { count: 0 } });
    const overwritten = second.changes({ action: 'overwrite' }).map(({ path, reason }) => [path, reason]);
    expect(overwritten).toContainEqual([`${source}/small`, 'hard link']);
    expect(second.changes({ action: 'keep' })).toContainEqual(
      expect.objectContaining({ path: `${source}/folder/large`, reason: 'content same' }),
    );
    expect((await second.execute()).problems).toEqual([]);
    expect(readFileSync(join(target, 'folder', 'mine'), 'utf8')).toBe('stays');
    rmSync(join(target, 'folder', 'mine'));
    expect(withoutFolderTimes(listing(target))).toEqual(withoutFolderTimes(listing(source)));
  });

  test('can be spent once', async () => {
    const once = await plan();
    await once.execute();
    await expect(once.execute()).rejects.toThrow('already carried out');
  });

  test('refuses paths and folders that the snapshot does not have', async () => {
    await expect(plan({ include: [`${source}/none`] })).rejects.toThrow('/none" is not in the snapshot');
    await expect(plan({ strip: '/none' })).rejects.toThrow('"/none" is not in the snapshot');
    await expect(plan({ strip: `${source}/small` })).rejects.toThrow('not a folder');
    await expect(plan({ target: 'relative' })).rejects.toThrow('absolute');
  });
});

function withoutFolderTimes(lines: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(lines).filter(([, line]) => !line.startsWith('mode 4')));
}

test('only what is included is restored, and folders on the way that are there keep their mode', async () => {
  mkdirSync(join(target, 'folder'), { recursive: true, mode: 0o700 });
  const result = await restore({ include: [`${source}/folder/deep`] });
  expect(result).toMatchObject({ filesRestored: 1, problemCount: 0 });
  expect(Object.keys(listing(target))).toEqual(['/folder', '/folder/deep', '/folder/deep/file']);
  expect(statSync(join(target, 'folder')).mode & 0o777).toBe(0o700);
});

test('a target folder that was there stays as it is, except where the restore is in place', async () => {
  mkdirSync(target);
  chmodSync(target, 0o1777);
  await restore();
  expect(statSync(target).mode & 0o7777).toBe(0o1777);
  await restore({ inPlace: true });
  const [made, original] = [statSync(target), statSync(source)];
  expect([made.mode, made.mtimeMs]).toEqual([original.mode, original.mtimeMs]);
  rmSync(target, { recursive: true });
  await restore();
  expect(statSync(target).mtimeMs).toBe(original.mtimeMs);
});

describe('a file that is there already', () => {
  const write = (text: string, mtime: number) => {
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'small'), text);
    utimesSync(join(target, 'small'), mtime, mtime);
  };
  const kept = () => readFileSync(join(target, 'small'), 'utf8');
  const only = () => ({ include: [`${source}/small`] });

  test('is replaced by default, even when it only looks the same', async () => {
    write('SMALL file', 1.7e9);
    await restore(only());
    expect(kept()).toBe('small file');
  });

  test('with if-changed is trusted by size and time', async () => {
    write('SMALL file', 1.7e9);
    expect(await restore({ ...only(), overwrite: 'if-changed' })).toMatchObject({ filesKept: 1, filesRestored: 0 });
    expect(kept()).toBe('SMALL file');
  });

  test('with if-newer stays when it is newer', async () => {
    write('newer', 1.8e9);
    await restore({ ...only(), overwrite: 'if-newer' });
    expect(kept()).toBe('newer');
    write('older', 1.6e9);
    await restore({ ...only(), overwrite: 'if-newer' });
    expect(kept()).toBe('small file');
  });

  test('with never stays', async () => {
    write('old', 1);
    await restore({ ...only(), overwrite: 'never' });
    expect(kept()).toBe('old');
  });

  test('is replaced, not written into: another name of it keeps the old content', async () => {
    write('old', 1);
    linkSync(join(target, 'small'), join(target, 'other name'));
    await restore(only());
    expect(kept()).toBe('small file');
    expect(readFileSync(join(target, 'other name'), 'utf8')).toBe('old');
  });

  test('and stays does not become the content of its other names', async () => {
    mkdirSync(target);
    writeFileSync(join(target, 'second name'), 'mine');
    await restore({ overwrite: 'never' });
    expect(readFileSync(join(target, 'second name'), 'utf8')).toBe('mine');
    expect(kept()).toBe('small file');
    rmSync(join(target, 'second name'));
    mkdirSync(join(target, 'second name', 'inside'), { recursive: true });
    await restore();
    expect(kept()).toBe('small file');
  });

  test('as a folder with content is left alone and reported', async () => {
    mkdirSync(join(target, 'small', 'inside'), { recursive: true });
    const result = await restore();
    expect(result.problems).toEqual([
      {
        path: join(target, 'small'),
        during: 'unsupported',
        message: 'Not restored: a folder with content is in the way.',
      },
    ]);
    expect(readdirSync(join(target, 'small'))).toEqual(['inside']);
    expect(readFileSync(join(target, 'folder', 'deep', 'file'), 'utf8')).toBe('deep file');
  });
});

describe('a symlink planted in the target', () => {
  let outside: string;
  beforeEach(() => {
    outside = `${target} outside`;
    mkdirSync(join(outside, 'deep'), { recursive: true });
    writeFileSync(join(outside, 'victim'), 'untouched');
    mkdirSync(target);
  });

  test('in place of a folder is replaced by the folder', async () => {
    symlinkSync(outside, join(target, 'folder'));
    await restore();
    expect(lstatSync(join(target, 'folder')).isDirectory()).toBe(true);
    expect(readdirSync(outside).sort()).toEqual(['deep', 'victim']);
  });

  test('in place of a file is replaced by the file', async () => {
    symlinkSync(join(outside, 'victim'), join(target, 'small'));
    mkdirSync(join(target, 'folder'));
    symlinkSync(join(outside, 'victim'), join(target, 'folder', 'large'));
    await restore();
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
    expect(statSync(join(target, 'folder', 'large')).size).toBe(9_000_000);
    expect(lstatSync(join(target, 'small')).isFile()).toBe(true);
  });

  test('on the way to what was chosen stops it, with a report', async () => {
    symlinkSync(outside, join(target, 'folder'));
    const result = await restore({ include: [`${source}/folder/deep/file`] });
    expect(result.filesRestored).toBe(0);
    expect(result.problems.map(({ message }) => message).join()).toContain('a symlink is in the way');
    expect(readdirSync(join(outside, 'deep'))).toEqual([]);
  });

  test('after the plan was made is not followed either', async () => {
    const made = await plan();
    symlinkSync(outside, join(target, 'folder'));
    symlinkSync(join(outside, 'victim'), join(target, 'small'));
    const result = await made.execute();
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
    expect(readdirSync(join(outside, 'deep'))).toEqual([]);
    expect(result.problemCount).toBeGreaterThan(0);
  });
});

test('hostile names in a snapshot are reported and everything else is restored', async () => {
  const file = (name: string) => ({ name, content: [blobId('evil')], size: 4 });
  const inner = craftTree([file('..'), file('good'), file('../up')]);
  const root = craftTree([
    file(''),
    file('.'),
    { name: 'dir', subtree: blobId(inner) },
    file('good'),
    file('good'),
    file('nul\\x00'),
  ]);
  const crafted = await craftSnapshot(repo, [inner, root], ['evil']);
  const result = await restore({ snapshot: crafted, strip: '/' });
  expect(Object.keys(listing(target))).toEqual(['/dir', '/dir/good', '/good']);
  expect(result.problemCount).toBe(6);
  expect(readdirSync(home)).not.toContain('up');
});

test('an inode that was given to a second file during the backup does not mix up the two', async () => {
  const file = (name: string, content: string) => ({ name, content: [blobId(content)], size: 5, links: 2, inode: 7 });
  const tree = craftTree([file('a', 'first'), file('b', 'other'), file('c', 'first')]);
  const crafted = await craftSnapshot(repo, [tree], ['first', 'other']);
  const result = await restore({ snapshot: crafted, strip: '/', verify: true });
  expect(result.problems).toEqual([]);
  expect(['a', 'b', 'c'].map((name) => readFileSync(join(target, name), 'utf8'))).toEqual(['first', 'other', 'first']);
  expect(statSync(join(target, 'a')).ino).toBe(statSync(join(target, 'c')).ino);
});

test('a content of another length than recorded is restored and told', async () => {
  const tree = craftTree([{ name: 'a', content: [blobId('four')], size: 5 }]);
  const result = await restore({ snapshot: await craftSnapshot(repo, [tree], ['four']), strip: '/' });
  expect(result.problems[0]?.message).toContain('5 bytes');
  expect(readFileSync(join(target, 'a'), 'utf8')).toBe('four');
});

test('a cancelled restore leaves no half file and no lock; the next one completes it', async () => {
  const stop = new AbortController();
  const onProgress = ({ phase, bytesDone }: RestoreProgress) => {
    if (phase === 'restoring' && bytesDone > 0) stop.abort();
  };
  const many = join(home, 'many');
  mkdirSync(many);
  for (let i = 0; i < 8; i++) writeFileSync(join(many, `f${i}`), noise(12_000_000, 50 + i));
  const big = (await backup(repo, { paths: [many], hostname: 'here' })).snapshot.id;
  const made = await plan({ snapshot: big, strip: many, onProgress, signal: stop.signal });
  await expect(made.execute()).rejects.toMatchObject({ code: 'cancelled' });
  for (const name of readdirSync(target)) {
    expect(readFileSync(join(target, name)).equals(readFileSync(join(many, name))), name).toBe(true);
  }
  expect(readdirSync(join(home, 'vault', 'locks'))).toEqual([]);
  const again = await restore({ snapshot: big, strip: many, verify: true });
  expect(again.filesVerified).toBe(again.filesRestored);
  expect(listing(target)).toEqual(listing(many));
}, 120_000);

describe.runIf(asRoot)('a target', () => {
  test('that is full ends the restore with what to do, keeps what was there, and leaves no half file', async () => {
    mkdirSync(target);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', target]);
    try {
      mkdirSync(join(target, 'folder'));
      writeFileSync(join(target, 'folder', 'large'), 'the old one');
      const failure = await restore().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(AppError);
      expect(failure).toMatchObject({ code: 'no-space', message: expect.stringContaining('is full') });
      expect(readFileSync(join(target, 'folder', 'large'), 'utf8')).toBe('the old one');
      expect(readdirSync(join(target, 'folder')).filter((name) => name.startsWith('.holdfast'))).toEqual([]);
    } finally {
      execFileSync('umount', [target]);
    }
  });

  test('of an ordinary user gets everything but owners, which is told once', () => {
    mkdirSync(target, { mode: 0o777 });
    chmodSync(target, 0o777);
    execFileSync('chmod', ['-R', 'a+rX', join(home, 'vault')]);
    const program = fileURLToPath(new URL('../../../bin/holdfast.ts', import.meta.url));
    const args = [
      'repo',
      'restore',
      `${snapshot}:${source}`,
      '-r',
      join(home, 'vault'),
      '-t',
      join(target, 'mine'),
      '--no-lock',
    ];
    const env = { ...process.env, RESTIC_PASSWORD: PASSWORD };
    const run = spawnSync(process.execPath, [program, ...args], { uid: 65_534, gid: 65_534, env, encoding: 'utf8' });
    expect(run.stderr).toContain('could not be set (only root can)');
    expect(run.stderr.trim().split('\n')).toHaveLength(1);
    expect(run.status).toBe(3);
    expect(readlinkSync(join(target, 'mine', 'link'))).toBe('small');
    expect(statSync(join(target, 'mine', 'small')).mtimeMs).toBe(1.7e12);

    chmodSync(target, 0o755);
    const refused = spawnSync(process.execPath, [program, ...args, '-t', join(target, 'theirs')], {
      uid: 65_534,
      gid: 65_534,
      env,
      encoding: 'utf8',
    });
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/cannot be made: ".*" may not be written to: permission denied/);
  }, 30_000);
});
