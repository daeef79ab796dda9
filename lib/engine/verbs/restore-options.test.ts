// What a restore does with a target that has something already: extras, patterns, parts, leftovers of a killed one.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { listing } from '../oracle/listing.ts';
import { noise } from '../oracle/odd-folder.ts';
import type { Repository } from '../repository/repository.ts';
import type { RestoreOptions, SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { initRepository } from './init.ts';
import { planRestore } from './restore.ts';

const asRoot = process.getuid?.() === 0;
const PASSWORD = 'restore options';
const PROGRAM = fileURLToPath(new URL('../../../bin/holdfast.ts', import.meta.url));
const LARGE = 12_000_000;

let home: string;
let source: string;
let target: string;
let store: LocalStore;
let repo: Repository;
let snapshot: SnapshotId;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-restore-options-'));
  chmodSync(home, 0o755);
  source = join(home, 'source');
  mkdirSync(join(source, 'docs', 'deep'), { recursive: true });
  mkdirSync(join(source, 'Logs'));
  writeFileSync(join(source, 'docs', 'one.txt'), 'one');
  writeFileSync(join(source, 'docs', 'deep', 'TWO.TXT'), 'two');
  writeFileSync(join(source, 'docs', 'deep', 'three.md'), 'three');
  writeFileSync(join(source, 'Logs', 'log'), 'log');
  writeFileSync(join(source, 'large'), noise(LARGE, 3));
  store = new LocalStore(join(home, 'vault'));
  repo = await initRepository(store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
  snapshot = (await backup(repo, { paths: [source], hostname: 'here' })).snapshot.id;
}, 60_000);
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
const files = () => Object.keys(listing(target));

describe('patterns', () => {
  test('choose what is restored, and no empty folder is made on the way to nothing', async () => {
    await restore({ patterns: { include: ['*.txt'] } });
    expect(files()).toEqual(['/docs', '/docs/one.txt']);
  });

  test('can leave upper and lower case out of account', async () => {
    await restore({ patterns: { includeAnyCase: ['*.txt', 'LOGS'] } });
    expect(files()).toEqual(['/Logs', '/Logs/log', '/docs', '/docs/deep', '/docs/deep/TWO.TXT', '/docs/one.txt']);
  });

  test('leave out what is excluded', async () => {
    await restore({ patterns: { exclude: ['/docs/deep', 'large'] } });
    expect(files()).toEqual(['/Logs', '/Logs/log', '/docs', '/docs/one.txt']);
  });
});

describe('delete', () => {
  const fill = async () => {
    await restore();
    writeFileSync(join(target, 'extra'), '');
    mkdirSync(join(target, 'docs', 'extra folder', 'deep'), { recursive: true });
    writeFileSync(join(target, 'docs', 'extra folder', 'deep', 'file'), '');
    writeFileSync(join(target, 'docs', 'extra.txt'), '');
    writeFileSync(join(target, 'Logs', 'extra'), '');
    symlinkSync(source, join(target, 'docs', 'link'));
  };

  test('removes what the snapshot does not have, with everything below, and never what a symlink leads to', async () => {
    const before = listing(source);
    await fill();
    const made = await plan({ delete: true });
    expect(made.summary).toMatchObject({ delete: { count: 5 }, extra: { count: 0 } });
    expect(made.removals().map(({ path }) => path.slice(source.length))).toEqual([
      '/extra',
      '/Logs/extra',
      '/docs/extra folder',
      '/docs/extra.txt',
      '/docs/link',
    ]);
    expect(existsSync(join(target, 'extra'))).toBe(true);
    expect(await made.execute()).toMatchObject({ entriesDeleted: 5, problemCount: 0 });
    expect(files()).toEqual(Object.keys(before));
    expect(listing(source)).toEqual(before);
  });

  test('keeps to what is chosen', async () => {
    await fill();
    await restore({ delete: true, include: [`${source}/docs`] });
    expect(files()).not.toContain('/docs/extra.txt');
    expect(files()).toEqual(expect.arrayContaining(['/extra', '/Logs/extra']));
    await fill();
    await restore({ delete: true, patterns: { exclude: ['*.txt', '/Logs'] } });
    expect(files()).toEqual(expect.arrayContaining(['/docs/extra.txt', '/docs/one.txt', '/Logs/extra']));
    expect(files()).not.toContain('/docs/extra folder');
  });

  test('makes room for a file where a folder with content is', async () => {
    mkdirSync(join(target, 'docs', 'one.txt', 'inside'), { recursive: true });
    expect((await restore()).problemCount).toBe(1);
    expect((await restore({ delete: true })).problems).toEqual([]);
    expect(readFileSync(join(target, 'docs', 'one.txt'), 'utf8')).toBe('one');
  });

  test('of everything but the snapshot on the whole machine is refused', async () => {
    await expect(plan({ target: '/', strip: '/', delete: true })).rejects.toThrow('whole machine');
  });
});

describe('a large file that changed', () => {
  const change = (at: number, bytes = 'changed') => {
    const fd = openSync(join(target, 'large'), 'r+');
    writeSync(fd, bytes, at);
  };
  const isWhole = () => readFileSync(join(target, 'large')).equals(readFileSync(join(source, 'large')));

  test('gets only the parts that differ, in place', async () => {
    await restore();
    const { ino } = statSync(join(target, 'large'));
    change(5_000_000);
    const result = await restore({ overwrite: 'if-changed', verify: true });
    expect(result.problems).toEqual([]);
    expect(result.bytesRestored).toBeGreaterThan(0);
    expect(result.bytesRestored).toBeLessThanOrEqual(8 << 20);
    expect(statSync(join(target, 'large')).ino).toBe(ino);
    expect(listing(target)).toEqual(listing(source));
  });

  test.each([
    ['longer', LARGE + 5000],
    ['shorter', LARGE - 4_000_000],
  ])('and became %s gets its length back', async (_, length) => {
    await restore();
    truncateSync(join(target, 'large'), length);
    const { ino } = statSync(join(target, 'large'));
    expect(await restore({ verify: true })).toMatchObject({ problemCount: 0 });
    expect(statSync(join(target, 'large')).ino).toBe(ino);
    expect(isWhole()).toBe(true);
  });

  test('and has another name is written anew: the other name keeps what it has', async () => {
    await restore();
    change(5_000_000);
    linkSync(join(target, 'large'), join(target, 'other name'));
    await restore();
    expect(isWhole()).toBe(true);
    expect(readFileSync(join(target, 'other name')).subarray(5_000_000, 5_000_007).toString()).toBe('changed');
  });

  test('again after the plan was made is written anew', async () => {
    await restore();
    change(5_000_000);
    const made = await plan();
    change(100);
    expect(await made.execute()).toMatchObject({ problemCount: 0 });
    expect(isWhole()).toBe(true);
  });
});

test('with sparse, pages of zeros take no room', async () => {
  const folder = join(home, 'zeros');
  mkdirSync(folder);
  const content = Buffer.alloc(300_000);
  content.write('x', 150_000);
  writeFileSync(join(folder, 'small'), content);
  const long = Buffer.alloc(4_000_000);
  noise(100_000, 5).copy(long, 1_000_001);
  writeFileSync(join(folder, 'long'), long);
  const { id } = (await backup(repo, { paths: [folder], hostname: 'here' })).snapshot;
  await restore({ snapshot: id, strip: folder, sparse: true });
  expect(listing(target)).toEqual(listing(folder));
  expect(statSync(join(target, 'small')).blocks * 512).toBeLessThanOrEqual(8192);
  expect(statSync(join(target, 'long')).blocks * 512).toBeLessThanOrEqual(131_072);
  rmSync(folder, { recursive: true });
});

test('a restore that is killed is completed by the next, whatever it is told to overwrite', async () => {
  const folder = join(home, 'many');
  mkdirSync(folder);
  for (let i = 0; i < 6; i++) writeFileSync(join(folder, `large ${i}`), noise(9_000_000, 70 + i));
  for (let i = 0; i < 500; i++) writeFileSync(join(folder, `small ${i}`), noise(2000, 100 + i));
  const { id } = (await backup(repo, { paths: [folder], hostname: 'here' })).snapshot;
  const args = ['repo', 'restore', '-q', '-r', join(home, 'vault'), '--no-lock', `${id}:${folder}`];
  const env = { ...process.env, RESTIC_PASSWORD: PASSWORD };
  for (const overwrite of ['never', 'if-newer', 'if-changed', 'always'] as const) {
    rmSync(target, { recursive: true, force: true });
    const command = [PROGRAM, ...args, '-t', target, '--overwrite', overwrite];
    const child = spawn(process.execPath, command, { env, stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const begun = () => child.exitCode !== null || (existsSync(target) && readdirSync(target).length > 2);
    while (!begun()) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(child.exitCode, 'it ended before it could be killed').toBe(null);
    child.kill('SIGKILL');
    await ended;
    expect((await restore({ snapshot: id, strip: folder, overwrite })).problems).toEqual([]);
    // The folder was there when the second restore began; its own time is not what this is about.
    expect(listing(target), overwrite).toEqual(listing(folder));
  }
  rmSync(folder, { recursive: true });
}, 120_000);

test.runIf(asRoot)(
  'an ordinary user gets read-only files and folders of their own back',
  async () => {
    mkdirSync(target);
    chmodSync(target, 0o777);
    execFileSync('chmod', ['-R', 'a+rX', join(home, 'vault')]);
    const place = join(target, 'mine');
    const run = () =>
      spawnSync(
        process.execPath,
        [
          PROGRAM,
          'repo',
          'restore',
          '-q',
          '-r',
          join(home, 'vault'),
          '--no-lock',
          `${snapshot}:${source}`,
          '-t',
          place,
        ],
        { uid: 65_534, gid: 65_534, env: { ...process.env, RESTIC_PASSWORD: PASSWORD }, encoding: 'utf8' },
      );
    run();
    writeFileSync(join(place, 'docs', 'one.txt'), 'mine');
    truncateSync(join(place, 'large'), 10_000_000);
    chmodSync(join(place, 'docs', 'one.txt'), 0o444);
    chmodSync(join(place, 'large'), 0o400);
    chmodSync(join(place, 'docs'), 0o555);
    const second = run();
    expect(second.stderr.trim().split('\n')).toHaveLength(1);
    expect(second.stderr).toContain('only root can');
    expect(readFileSync(join(place, 'docs', 'one.txt'), 'utf8')).toBe('one');
    expect(readFileSync(join(place, 'large')).equals(readFileSync(join(source, 'large')))).toBe(true);
    expect(statSync(join(place, 'docs')).mode & 0o777).toBe(statSync(join(source, 'docs')).mode & 0o777);
  },
  30_000,
);

test.runIf(process.platform === 'linux')(
  'a local user who swaps a folder for a symlink while the restore runs leads nothing out of the target',
  async () => {
    const folder = join(home, 'raced');
    const below = Array.from({ length: 40 }, (_, i) => join(folder, `${i % 4}`, `f${i}`));
    for (const path of below) {
      mkdirSync(path, { recursive: true });
      for (let i = 0; i < 12; i++) writeFileSync(join(path, `file ${i}`), `${path} ${i}`);
      symlinkSync('x', join(path, 'link'));
    }
    const { id } = (await backup(repo, { paths: [folder], hostname: 'here' })).snapshot;
    const outside = `${target} outside`;
    // The same folders, so that whatever is led there finds its way.
    for (const path of below) mkdirSync(path.replace(folder, outside), { recursive: true });
    utimesSync(outside, 1, 1);
    const before = listing(outside);
    const racer = spawn(
      process.execPath,
      [
        '-e',
        `const fs = require('node:fs'); const [target, outside] = process.argv.slice(1);
         console.log('on'); for (;;) for (const n of '0123') try {
           const at = target + '/' + n; fs.renameSync(at, at + '.aside'); fs.symlinkSync(outside + '/' + n, at);
           for (let i = 0; i < 200; i++) fs.lstatSync(at);
           fs.unlinkSync(at); fs.renameSync(at + '.aside', at);
         } catch {}`,
        target,
        outside,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await new Promise((resolve) => racer.stdout.once('data', resolve));
      let caught = 0;
      for (let i = 0; i < 6; i++) {
        const result = await restore({ snapshot: id, strip: folder, overwrite: i % 2 ? 'always' : 'if-changed' });
        caught += result.problemCount;
        expect(listing(outside)).toEqual(before);
      }
      // Otherwise the race was not one.
      expect(caught).toBeGreaterThan(0);
    } finally {
      racer.kill('SIGKILL');
    }
  },
  60_000,
);
