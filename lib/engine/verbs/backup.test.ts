import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError, isAppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import type { Store } from '#lib/stores/store.ts';
import { buildChunker } from '../chunker/build.mjs';
import { createCpuPool } from '../cpu/pool.ts';
import { encodeIndexFile } from '../format/index-file.ts';
import type { TreeNode } from '../format/node.ts';
import type { BlobType } from '../format/pack.ts';
import { pathTextFromBytes } from '../format/path-text.ts';
import { decodeTree } from '../format/tree.ts';
import { blobId, type CraftedNode, craftSnapshot, craftTree } from '../oracle/crafted.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupProgress, SnapshotId, StoredResult, StoringOptions } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { dumpFile } from './dump.ts';
import { initRepository } from './init.ts';
import { findNode } from './ls-walk.ts';
import { openRepository } from './open.ts';

// Real threads, child processes and full checks: seconds on an idle machine, much more on a busy one.
vi.setConfig({ testTimeout: 180_000 });

const PASSWORD = 'x';
const kdf = { N: 1024, r: 8, p: 1 };
const isRoot = process.getuid?.() === 0;
const CHILD = fileURLToPath(new URL('./backup-child.ts', import.meta.url));

let home: string;
let source: string;
let store: LocalStore;
let repo: Repository;

beforeAll(() => {
  buildChunker();
});

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
  source = join(home, 'source');
  mkdirSync(source);
  store = new LocalStore(join(home, 'repo'));
  repo = await initRepository(store, { password: PASSWORD, kdf });
});
afterEach(async () => {
  await repo.close();
  rmSync(home, { recursive: true, force: true });
});

function run(options: Partial<StoringOptions> = {}, target: Repository = repo): Promise<StoredResult> {
  return backup(target, { paths: [source], hostname: 'test', ...options });
}

async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('it succeeded');
}

async function names(prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.list(prefix)) found.push(name);
  return found;
}

/** Everything in a snapshot below the source, path -> node, read through a freshly opened repository. */
async function contents(
  result: StoredResult,
  below: string = source,
): Promise<Map<string, TreeNode & { bytes: Buffer }>> {
  const fresh = await openRepository(store, { password: PASSWORD });
  await fresh.loadIndex();
  const found = new Map<string, TreeNode & { bytes: Buffer }>();
  const visit = async (tree: string, path: string) => {
    for (const node of decodeTree(await fresh.loadBlob('tree', tree))) {
      const at = `${path}/${pathTextFromBytes(node.name)}`;
      const parts = await Promise.all((node.content ?? []).map((id) => fresh.loadBlob('data', id)));
      if (at.startsWith(`${below}/`)) found.set(at.slice(below.length + 1), { ...node, bytes: Buffer.concat(parts) });
      if (node.subtree && (at.startsWith(below) || below.startsWith(at))) await visit(node.subtree, at);
    }
  };
  await visit(result.snapshot.tree, '');
  return found;
}

/** Tree of the source alone: the folders above it belong to the machine and change at any time. */
async function sourceTree(result: StoredResult): Promise<string | undefined> {
  return (await contents(result, home)).get('source')?.subtree;
}

async function expectClean(): Promise<void> {
  const fresh = await openRepository(store, { password: PASSWORD });
  const pool = createCpuPool({ threads: 1 });
  try {
    const checked = await checkRepository(await openRepository(store, { password: PASSWORD, cpu: pool }), {
      readData: true,
    });
    expect(checked.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(checked.ok).toBe(true);
  } finally {
    await pool.close();
    await fresh.close();
  }
}

describe('backup', () => {
  test('stores files, folders, links and odd names so that they can be read back', async () => {
    mkdirSync(join(source, 'empty'));
    mkdirSync(join(source, 'deep/er/still'), { recursive: true });
    const big = randomBytes(10_000_000);
    writeFileSync(join(source, 'big'), big);
    writeFileSync(join(source, 'nothing'), '');
    writeFileSync(join(source, 'deep/er/still/text'), 'hello '.repeat(1000), { mode: 0o640 });
    writeFileSync(join(source, 'new\nline "quoted" \\'), 'a');
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0x80, 0x41])]), 'not utf-8');
    writeFileSync(join(source, 'n'.repeat(255)), 'long');
    symlinkSync('../no where', join(source, 'link'));
    linkSync(join(source, 'big'), join(source, 'second name'));
    const result = await run();
    expect(result.problems).toEqual([]);
    expect(result.emptyPaths).toEqual([]);
    const stored = await contents(result);
    expect([...stored.keys()].sort()).toEqual(
      [
        'big',
        'deep',
        'deep/er',
        'deep/er/still',
        'deep/er/still/text',
        'empty',
        'link',
        'n'.repeat(255),
        'new\\nline "quoted" \\\\',
        'nothing',
        'second name',
        '\\xff\\x80A',
      ].sort(),
    );
    expect(stored.get('big')?.bytes.equals(big)).toBe(true);
    expect(stored.get('big')?.content?.length).toBeGreaterThan(2);
    expect(stored.get('second name')?.content).toEqual(stored.get('big')?.content);
    expect(stored.get('second name')?.links).toBe(2);
    expect(stored.get('nothing')?.content).toEqual([]);
    expect(stored.get('deep/er/still/text')?.bytes.toString()).toBe('hello '.repeat(1000));
    expect((stored.get('deep/er/still/text')?.mode ?? 0) & 0o777).toBe(0o640);
    expect(stored.get('link')?.linkTarget?.toString()).toBe('../no where');
    expect(stored.get('\\xff\\x80A')?.bytes.toString()).toBe('not utf-8');
    expect(result.summary.total_files_processed).toBe(7);
    expect(await names('locks/')).toEqual([]);
    await expectClean();
  });

  test('a second run reads nothing that did not change, and makes the same tree', async () => {
    for (let i = 0; i < 50; i++) writeFileSync(join(source, `file ${i}`), `content ${i}`);
    mkdirSync(join(source, 'below'));
    writeFileSync(join(source, 'below', 'one'), 'x');
    const first = await run();
    const second = await run();
    expect(second.snapshot.parent).toBe(first.snapshot.id);
    expect(await sourceTree(second)).toBe(await sourceTree(first));
    expect(second.summary).toMatchObject({ files_new: 0, files_changed: 0, files_unmodified: 51, data_blobs: 0 });
    writeFileSync(join(source, 'file 7'), 'changed');
    rmSync(join(source, 'file 8'));
    writeFileSync(join(source, 'added'), 'new');
    const third = await run();
    expect(third.summary).toMatchObject({ files_new: 1, files_changed: 1, files_unmodified: 49, data_blobs: 2 });
    expect(third.summary.dirs_unmodified).toBe(1);
    const stored = await contents(third);
    expect(stored.get('file 7')?.bytes.toString()).toBe('changed');
    expect(stored.has('file 8')).toBe(false);
    const forced = await run({ parent: 'none' });
    expect(await sourceTree(forced)).toBe(await sourceTree(third));
    expect(forced.summary).toMatchObject({ files_new: 51, files_unmodified: 0, data_blobs: 0 });
  });

  test('a file of the same size and time but another inode is read again', async () => {
    const file = join(source, 'file');
    writeFileSync(file, 'one');
    utimesSync(file, 1000, 1000);
    await run();
    rmSync(file);
    writeFileSync(join(source, 'holds the old inode'), '');
    writeFileSync(file, 'two');
    utimesSync(file, 1000, 1000);
    expect((await contents(await run())).get('file')?.bytes.toString()).toBe('two');
  });

  test('the same content is stored once, in whichever thread it is met', async () => {
    // Shorter than any cut, so that it is one blob for every polynomial.
    const content = randomBytes(500_000);
    for (let i = 0; i < 40; i++) {
      mkdirSync(join(source, `folder ${i}`));
      writeFileSync(join(source, `folder ${i}`, 'same'), content);
    }
    const result = await run();
    expect(result.summary.data_blobs).toBe(1);
    expect(result.summary.total_bytes_processed).toBe(40 * content.length);
  });

  test('the tree does not depend on how many threads made it', async () => {
    for (let i = 0; i < 300; i++) {
      mkdirSync(join(source, `${i % 7}/${i % 11}/${i}`), { recursive: true });
      writeFileSync(join(source, `${i % 7}/${i % 11}/${i}`, 'file'), `content ${i}`);
      writeFileSync(join(source, `wide ${i}`), randomBytes(i));
    }
    const trees = new Set<string>();
    for (const threads of [1, 2, 3, 5]) {
      const cpu = createCpuPool({ threads });
      const opened = await openRepository(store, { password: PASSWORD, cpu });
      const result = await run({ parent: 'none' }, opened);
      expect(result.summary.files_new).toBe(600);
      trees.add((await sourceTree(result)) ?? 'none');
      await cpu.close();
    }
    expect(trees.size).toBe(1);
    await expectClean();
  });

  test('leftovers of all threads end in one data and one tree pack', async () => {
    for (let i = 0; i < 200; i++) writeFileSync(join(source, `file ${i}`), randomBytes(3000));
    const cpu = createCpuPool({ threads: 4 });
    await run({}, await openRepository(store, { password: PASSWORD, cpu }));
    expect(await names('data/')).toHaveLength(2);
    expect(await names('index/')).toHaveLength(1);
    await cpu.close();
    await expectClean();
  });

  test('excludes are gitignore patterns below the source, absolute ones included', async () => {
    for (const path of [
      'keep/a.log',
      'keep/a.txt',
      'drop/b.txt',
      'cache/c',
      'sub/cache/d',
      'A.LOG',
      'keep/important.log',
    ]) {
      mkdirSync(join(source, path, '..'), { recursive: true });
      writeFileSync(join(source, path), 'x');
    }
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xfe]), Buffer.from('.log')]), 'x');
    const result = await run({ excludes: ['*.log', '!important.log', `${source}/drop`, 'cache/'] });
    const stored = [...(await contents(result)).keys()].sort();
    expect(stored).toEqual(['A.LOG', 'keep', 'keep/a.txt', 'keep/important.log', 'sub']);
    expect(result.snapshot.excludes).toHaveLength(4);
  });

  test('several sources share their upper folders; one inside another comes with it', async () => {
    mkdirSync(join(source, 'a/b'), { recursive: true });
    mkdirSync(join(home, 'other'));
    writeFileSync(join(source, 'a/b/file'), '1');
    writeFileSync(join(home, 'other/file'), '2');
    writeFileSync(join(home, 'single'), '3');
    const result = await run({ paths: [`${source}/`, join(source, 'a'), join(home, 'other'), join(home, 'single')] });
    expect(result.snapshot.paths).toEqual([join(home, 'other'), join(home, 'single'), source]);
    const stored = await contents(result, home);
    expect(stored.get('source/a/b/file')?.bytes.toString()).toBe('1');
    expect(stored.get('other/file')?.bytes.toString()).toBe('2');
    expect(stored.get('single')?.bytes.toString()).toBe('3');
    expect(stored.get('source')?.mtime).toBeDefined();
  });

  test('an empty folder is backed up, and said to be empty', async () => {
    const result = await run();
    expect(result.emptyPaths).toEqual([source]);
    expect(result.summary.total_files_processed).toBe(0);
    await expectClean();
  });

  test('progress counts up to totals that the counting walk found', async () => {
    for (let i = 0; i < 20; i++) writeFileSync(join(source, `file ${i}`), randomBytes(1_000_000));
    const seen: BackupProgress[] = [];
    await run({ onProgress: (progress) => seen.push(progress) });
    const last = seen.at(-1) as BackupProgress;
    expect(last).toMatchObject({ phase: 'finishing', filesDone: 20, bytesDone: 20_000_000, problems: 0 });
    expect(last.bytesStored).toBeGreaterThan(20_000_000);
    expect(
      seen.every((progress, i) => i === 0 || progress.bytesDone >= (seen[i - 1] as BackupProgress).bytesDone),
    ).toBe(true);
    expect(last.currentPath?.startsWith(source)).toBe(true);
  });
});

describe('sources that are not as expected', () => {
  test('one that does not exist, is no absolute path or is missing is refused before anything is written', async () => {
    writeFileSync(join(source, 'file'), 'x');
    const gone = await failure(run({ paths: [source, join(home, 'gone')] }));
    expect(gone.code).toBe('not-found');
    expect(gone.message).toContain(join(home, 'gone'));
    expect((await failure(run({ paths: ['relative/path'] }))).code).toBe('invalid-input');
    expect((await failure(run({ paths: [] }))).code).toBe('invalid-input');
    expect(await names('')).toEqual(expect.not.arrayContaining([expect.stringMatching(/^(snapshots|data|locks)/)]));
  });

  test('a socket is reported, a FIFO is stored and not waited for', async () => {
    const server = createServer().listen(join(source, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    spawnSync('mkfifo', [join(source, 'fifo')]);
    const result = await run();
    server.close();
    expect(result.problems).toMatchObject([{ path: join(source, 'socket'), during: 'unsupported' }]);
    expect((await contents(result)).get('fifo')?.type).toBe('fifo');
  });

  test('a source that is a symbolic link is stored as one, and said to be', async () => {
    symlinkSync(source, join(home, 'link'));
    const result = await run({ paths: [join(home, 'link')] });
    expect(result.problems[0]?.message).toContain('only the link');
    expect((await contents(result, home)).get('link')?.type).toBe('symlink');
  });

  test('files that vanish and folders that vanish while the backup runs are reported, the rest is stored', async () => {
    for (let i = 0; i < 3000; i++)
      writeFileSync(join(source, `file ${String(i).padStart(5, '0')}`), randomBytes(20_000));
    for (let i = 0; i < 20; i++) mkdirSync(join(source, `z folder ${i}`));
    let started = false;
    const result = await run({
      onProgress: ({ filesDone }) => {
        if (filesDone === 0 || started) return;
        started = true;
        rmSync(join(source, 'file 02999'));
        rmSync(join(source, 'z folder 19'), { recursive: true });
      },
    });
    expect(started).toBe(true);
    const vanished = result.problems.filter(({ during }) => during === 'vanished').map(({ path }) => path);
    expect(vanished.sort()).toEqual([join(source, 'file 02999'), join(source, 'z folder 19')]);
    expect(result.summary.total_files_processed).toBe(2999);
    await expectClean();
  });

  test.runIf(isRoot)(
    'what may not be read is named, the rest is stored; with nothing left there is no snapshot',
    async () => {
      const NOBODY = 65_534;
      writeFileSync(join(source, 'secret'), 'x', { mode: 0o600 });
      writeFileSync(join(source, 'open'), 'x', { mode: 0o644 });
      mkdirSync(join(source, 'closed'), { mode: 0o700 });
      chmodSync(source, 0o755);
      chmodSync(home, 0o755);
      chownSync(join(home, 'repo'), NOBODY, NOBODY);
      spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, join(home, 'repo')]);
      const asNobody = (...paths: string[]) => {
        const child = spawnSync(process.execPath, [CHILD, join(home, 'repo'), PASSWORD, ...paths], {
          uid: NOBODY,
          gid: NOBODY,
          encoding: 'utf8',
        });
        return child.stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
      };
      const { result } = asNobody(source).at(-1);
      const problems = result.problems
        .map(({ path, during }: { path: string; during: string }) => [path, during])
        .sort();
      expect(problems).toEqual([
        [join(source, 'closed'), 'list'],
        [join(source, 'secret'), 'open'],
      ]);
      expect(result.summary.total_files_processed).toBe(1);
      rmSync(join(source, 'open'));
      expect(asNobody(source).at(-1).error).toMatchObject({ code: 'permission-denied' });
      expect(asNobody(join(source, 'closed')).at(-1).error).toMatchObject({ code: 'permission-denied' });
      expect(await names('snapshots/')).toHaveLength(1);
      expect(await names('locks/')).toEqual([]);
    },
  );
});

describe('a repository that is damaged', () => {
  async function loseFromIndex(lost: BlobType | 'all'): Promise<void> {
    const opened = await openRepository(store, { password: PASSWORD });
    await opened.loadIndex();
    const kept = [...opened.packs()].filter(({ blobs }) => lost !== 'all' && blobs[0]?.type !== lost);
    for (const name of await names('index/')) await store.delete(name);
    await opened.saveUnpacked('index', encodeIndexFile(kept));
  }

  test.each(['data', 'tree', 'all'] as const)(
    'heals: %s blobs that are lost are made from the source again',
    async (lost) => {
      mkdirSync(join(source, 'below'));
      for (let i = 0; i < 10; i++) writeFileSync(join(source, 'below', `file ${i}`), randomBytes(5000));
      const first = await run();
      const treeBefore = await sourceTree(first);
      await loseFromIndex(lost);
      const second = await run({}, await openRepository(store, { password: PASSWORD }));
      expect(await sourceTree(second)).toBe(treeBefore);
      expect(second.problems.length).toBeGreaterThan(0);
      expect(second.problems.every(({ during }) => during === 'parent')).toBe(true);
      // The first snapshot may still miss the folders above the source, which nobody can make again.
      await store.delete(`snapshots/${first.snapshot.id}`);
      await expectClean();
    },
  );
});

describe('a parent snapshot that is damaged costs time, not the backup:', () => {
  async function withParent(entry: CraftedNode): Promise<StoredResult> {
    const trees = [craftTree([entry])];
    for (const name of source.split('/').filter(Boolean).reverse()) {
      trees.push(craftTree([{ name, subtree: blobId(trees.at(-1) as string) }]));
    }
    return await run({ parent: await craftSnapshot(repo, trees, []) });
  }

  test('a time that is none', async () => {
    writeFileSync(join(source, 'file'), 'content');
    const { ino } = statSync(join(source, 'file'));
    const result = await withParent({ name: 'file', size: 7, inode: ino, mtime: '' });
    expect(result.problems).toEqual([]);
    expect((await contents(result)).get('file')?.bytes.toString()).toBe('content');
  });

  test('an entry that is none', async () => {
    writeFileSync(join(source, 'file'), 'content');
    const result = await withParent({ name: 'file', type: 'neither file nor folder' });
    expect(result.problems.map(({ path, during }) => [path, during])).toEqual([[source, 'parent']]);
    expect((await contents(result)).get('file')?.bytes.toString()).toBe('content');
  });

  test('a snapshot file that cannot be read, even when the source is empty', async () => {
    await store.put(`snapshots/${'0'.repeat(64)}`, [Buffer.from('no snapshot')]);
    const result = await run();
    expect(result.problems.map(({ during }) => during)).toEqual(['parent']);
    expect(result.emptyPaths).toEqual([source]);
  });
});

test('a repository that another program holds to itself is waited for as long as asked, and no longer', async () => {
  writeFileSync(join(source, 'file'), 'content');
  const prune = await repo.lock('exclusive', {});
  expect((await failure(run())).code).toBe('repository-locked');
  const waiting = run({ lockWaitMs: 60_000 });
  await prune.release();
  expect((await waiting).summary.files_new).toBe(1);
});

describe('a backup that is stopped', () => {
  function fill(files = 60): void {
    for (let i = 0; i < files; i++) writeFileSync(join(source, `file ${i}`), randomBytes(1_000_000));
  }

  test('by a signal leaves no snapshot and no lock, and the next one finds the repository clean', async () => {
    fill();
    const abort = new AbortController();
    const error = await failure(
      run({ signal: abort.signal, onProgress: ({ bytesDone }) => bytesDone > 5_000_000 && abort.abort() }),
    );
    expect(error.code).toBe('cancelled');
    expect(await names('snapshots/')).toEqual([]);
    expect(await names('locks/')).toEqual([]);
    expect((await failure(run({ signal: AbortSignal.abort() }))).code).toBe('cancelled');
    await run();
    await expectClean();
  });

  const noSpace = () => new AppError('no-space', 'the disk is full');
  test.each([
    ['the first pack', { method: 'put', name: /^data/, error: noSpace }],
    ['the third pack', { method: 'put', name: /^data/, after: 2, error: noSpace }],
    ['a pack after it arrived', { method: 'put', name: /^data/, after: 1, kind: 'done', error: noSpace }],
    ['the index', { method: 'put', name: /^index/, error: noSpace }],
    ['the snapshot', { method: 'put', name: /^snapshots/, error: noSpace }],
  ] as const)('by a full disk at %s gives that error, no snapshot and no lock', async (_, fault) => {
    fill(50);
    const faulty = new FaultyStore(store as Store, [fault]);
    const error = await failure(run({}, await openRepository(faulty, { password: PASSWORD })));
    expect(error.code).toBe('no-space');
    expect(await names('snapshots/')).toEqual([]);
    expect(await names('locks/')).toEqual([]);
    await run();
    await expectClean();
  });

  test('writes packs before the index and the index before the snapshot', async () => {
    fill(40);
    const recording = new FaultyStore(store as Store, []);
    await run({}, await openRepository(recording, { password: PASSWORD }));
    const puts = recording.calls.filter((call) => call.startsWith('put')).map((call) => call.split(/[ /]/)[1]);
    const order = ['locks', 'data', 'index', 'snapshots'];
    expect(puts).toEqual(puts.toSorted((a, b) => order.indexOf(a as string) - order.indexOf(b as string)));
    expect(new Set(puts)).toEqual(new Set(order));
  });

  test('by kill -9 leaves a repository that opens, is clean, and is not locked by the dead', async () => {
    fill(120);
    for (const limit of [1, 20_000_000, 60_000_000]) {
      const child = spawn(process.execPath, [CHILD, join(home, 'repo'), PASSWORD, source], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      child.stdout.on('data', (data) => {
        text += data;
        const done = Number(/.*"bytesDone":(\d+)/s.exec(text)?.[1] ?? 0);
        if (done >= limit) child.kill('SIGKILL');
      });
      await new Promise((resolve) => child.once('exit', resolve));
      if (limit < 60_000_000) expect(child.signalCode).toBe('SIGKILL');
      await expectClean();
    }
    const fresh = await openRepository(store, { password: PASSWORD });
    await (await fresh.lock('exclusive')).release();
    expect(await names('locks/')).toEqual([]);
    const result = await run({}, fresh);
    expect(result.summary.total_files_processed).toBe(120);
    await expectClean();
  });
});

test('every pack is named by its hash and near the target size', async () => {
  for (let i = 0; i < 50; i++) writeFileSync(join(source, `file ${i}`), randomBytes(1_000_000));
  await run();
  const sizes: number[] = [];
  for (const name of await names('data/')) {
    const bytes = await store.get(name);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(name.split('/').at(-1));
    sizes.push(bytes.length);
  }
  expect(Math.max(...sizes)).toBeLessThan(18 << 20);
  expect(sizes.filter((size) => size > 16 << 20).length).toBeGreaterThanOrEqual(2);
  expect(statSync(join(home, 'repo', (await names('data/'))[0] as string)).mode & 0o777).toBe(0o400);
  expect(readdirSync(join(home, 'repo', 'index'))).toHaveLength(1);
});

test('one large file is shared by the threads, and is the same file whatever their number', async () => {
  const noise = randomBytes(60 << 20);
  writeFileSync(join(source, 'disk.img'), Buffer.concat([noise, Buffer.alloc(20 << 20), noise, randomBytes(60 << 20)]));
  const trees: string[] = [];
  for (const threads of [1, 3]) {
    const cpu = createCpuPool({ threads });
    const other = new LocalStore(join(home, `repo-${threads}`));
    const fresh = await initRepository(other, { password: PASSWORD, kdf, cpu, chunkerPolynomial: 0x3da3358b4dc173n });
    const { snapshot } = await run({}, fresh);
    await fresh.loadIndex();
    const file = await findNode(fresh, snapshot.tree, join(source, 'disk.img'));
    trees.push(JSON.stringify(file?.content));
    expect((await checkRepository(fresh, { readData: true })).findings).toEqual([]);
    await fresh.close();
    await cpu.close();
  }
  expect(trees[1]).toBe(trees[0]);
});

describe('a dry run', () => {
  test('says what would be stored, and stores nothing', async () => {
    writeFileSync(join(source, 'a'), randomBytes(3 << 20));
    writeFileSync(join(source, 'b'), 'text '.repeat(10_000));
    const before = filesOf(join(home, 'repo'));
    const dry = await backup(repo, { paths: [source], hostname: 'test', dryRun: true });
    expect(dry.snapshot).toBeUndefined();
    expect(filesOf(join(home, 'repo'))).toEqual(before);
    const real = await run();
    const { backup_start: _, backup_end: __, ...said } = dry.summary;
    expect(real.summary).toMatchObject({ ...said, data_added_packed: expect.any(Number) });
    expect(said.data_added).toBeGreaterThan(3 << 20);
  });
});

describe('a backup that is to be skipped when nothing changed', () => {
  test('makes no snapshot then, and one when something did', async () => {
    writeFileSync(join(source, 'a'), 'a');
    const first = await run();
    const again = await backup(repo, { paths: [source], hostname: 'test', skipIfUnchanged: true });
    expect(again.snapshot).toBeUndefined();
    writeFileSync(join(source, 'a'), 'changed');
    const changed = await backup(repo, { paths: [source], hostname: 'test', skipIfUnchanged: true });
    expect(changed.snapshot?.parent).toBe(first.snapshot.id);
  });
});

describe('what was compressed or encrypted before', () => {
  test('is stored as it is, and text around it is not', async () => {
    writeFileSync(join(source, 'noise'), randomBytes(400 << 10));
    writeFileSync(join(source, 'text'), 'a line of text\n'.repeat(30_000));
    // Below the shortest chunk, so that each file is one blob.
    const half = Buffer.concat([randomBytes(250 << 10), Buffer.alloc(250 << 10, 'half ')]);
    writeFileSync(join(source, 'half'), half);
    await run();
    await repo.loadIndex();
    const lengths = [...repo.packs()].flatMap(({ blobs }) =>
      blobs.filter(({ type }) => type === 'data').map(({ length, uncompressedLength }) => [length, uncompressedLength]),
    );
    expect(lengths).toContainEqual([(400 << 10) + 32, undefined]);
    expect(lengths.find(([, plain]) => plain === 450_000)?.[0]).toBeLessThan(1000);
    expect(lengths.find(([, plain]) => plain === 500 << 10)?.[0]).toBeLessThan(260 << 10);
  });

  test.each(['off', 'fastest', 'auto', 'better', 'max'] as const)('mode %s is readable', async (compression) => {
    writeFileSync(join(source, 'text'), Buffer.from(Array.from({ length: 9000 }, (_, i) => `${i * i}`).join(' ')));
    const { summary } = await run({ compression });
    const stored = summary.data_added_packed / summary.data_added;
    if (compression === 'off') expect(stored).toBeGreaterThan(0.9);
    else expect(stored).toBeLessThan(0.6);
    expect((await checkRepository(repo, { readData: true })).findings).toEqual([]);
  });
});

describe('streams', () => {
  async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  test('become files of the snapshot, beside the paths and alone, in pieces of any size', async () => {
    const dump = Buffer.concat([randomBytes(5 << 20), Buffer.alloc(3 << 20, 'row ')]);
    writeFileSync(join(source, 'config'), 'kept with its database');
    const { snapshot, summary } = await run({
      streams: [
        { path: '/databases/main/dump.sql', content: pieces(dump, 3 << 20) },
        { path: '/databases/empty.sql', content: pieces(Buffer.alloc(0), 1) },
        { path: join(home, 'beside.sql'), content: pieces(Buffer.from('beside'), 1) },
      ],
    });
    expect(snapshot.paths).toEqual(
      ['/databases/empty.sql', '/databases/main/dump.sql', source, join(home, 'beside.sql')].sort(),
    );
    expect(summary).toMatchObject({ files_new: 4, total_files_processed: 4 });
    await repo.loadIndex();
    const stored = (path: string) => contentOf(snapshot.id, path);
    expect((await stored('/databases/main/dump.sql')).equals(dump)).toBe(true);
    expect((await stored('/databases/empty.sql')).length).toBe(0);
    expect((await stored(join(home, 'beside.sql'))).toString()).toBe('beside');
    expect((await stored(join(source, 'config'))).toString()).toBe('kept with its database');
    expect((await checkRepository(repo, { readData: true })).findings).toEqual([]);

    const alone = await run({ paths: [], streams: [{ path: '/stdin', content: pieces(dump, 777) }] });
    // The same bytes, cut at the same places.
    expect(alone.summary.data_blobs).toBe(0);
    expect(alone.snapshot.paths).toEqual(['/stdin']);
  });

  test('that fail in the middle make no snapshot and leave a clean repository', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield randomBytes(2 << 20);
      throw new AppError('unavailable', 'The database went away.');
    }
    const error = await failure(run({ streams: [{ path: '/dump', content: failing() }] }));
    expect(error.message).toBe('The database went away.');
    const check = await checkRepository(repo, { readData: true });
    expect(check).toMatchObject({ ok: true, snapshots: 0 });
  });

  test('are told when nobody reads on, and a cancelled one ends at once', async () => {
    const cancel = new AbortController();
    let ended = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (let i = 0; ; i++) {
          yield randomBytes(64 << 10);
          if (i === 20) cancel.abort();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        ended = true;
      }
    }
    const error = await failure(run({ streams: [{ path: '/dump', content: endless() }], signal: cancel.signal }));
    expect(error.code).toBe('cancelled');
    expect(ended).toBe(true);
  });

  test.each([
    ['relative', 'dump.sql'],
    ['with ..', '/a/../b'],
    ['a folder', '/a/'],
    ['inside a source', '/SOURCE/dump'],
  ])('with a path that cannot be are refused: %s', async (_, path) => {
    const asked = { path: path.replace('/SOURCE', source), content: pieces(Buffer.from('x'), 1) };
    expect((await failure(run({ streams: [asked] }))).code).toBe('invalid-input');
  });
});

async function contentOf(snapshot: SnapshotId, path: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of (await dumpFile(repo, snapshot, path)).content) parts.push(part);
  return Buffer.concat(parts);
}

/** Every file below a folder, but for locks, which come and go. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('locks'))
    .sort();
}
