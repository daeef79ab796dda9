import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { type CpuPool, createCpuPool } from '../cpu/pool.ts';
import type { Repository } from '../repository/repository.ts';
import type { BackupOptions } from '../types.ts';
import { backup } from '../verbs/backup.ts';
import { initRepository } from '../verbs/init.ts';
import { findNode } from '../verbs/ls-walk.ts';
import { describeWithRestic, PASSWORD } from './restic.ts';

const SIGNATURE = 'Signature: 8a477f597d28d172789f06886806bc55';
const isRoot = process.getuid?.() === 0;

describeWithRestic('what a backup leaves out', (restic) => {
  let home: string;
  let source: string;
  let mounted: string | undefined;
  let cpu: CpuPool;
  let repo: Repository;
  const vault = () => join(home, 'vault');

  function put(path: string, content: string): void {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), content);
  }

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-selection-'));
    source = join(home, 'source');
    put('plain/a.txt', 'a');
    put('plain/B.TXT', 'b');
    put('plain/large.bin', 'x'.repeat(5000));
    put('plain/exact.bin', 'x'.repeat(4096));
    put('cache/CACHEDIR.TAG', `${SIGNATURE}\n# made by a test`);
    put('cache/thumbnail', 'gone');
    put('cache/below/too', 'gone');
    put('not-a-cache/CACHEDIR.TAG', 'Signature: of something else');
    put('not-a-cache/kept', 'kept');
    put('marked/.nobackup', 'please');
    put('marked/gone', 'gone');
    put('marked-otherwise/.nobackup', 'no, do');
    put('marked-otherwise/kept', 'kept');
    if (isRoot) {
      mounted = join(source, 'mount');
      mkdirSync(mounted);
      const done = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mounted]);
      if (done.status !== 0) throw new Error(`mount: ${done.stderr}`);
      put('mount/elsewhere', 'elsewhere');
      put('mount/folder/too', 'elsewhere');
    }
    cpu = createCpuPool();
    repo = await initRepository(new LocalStore(vault()), { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 }, cpu });
  });
  afterAll(async () => {
    if (mounted) spawnSync('umount', [mounted]);
    await repo?.close();
    await cpu?.close();
    rmSync(home, { recursive: true, force: true });
  });

  const cases: [title: string, ours: Partial<BackupOptions>, theirs: string[]][] = [
    ['caches with their tag', { excludeCaches: true }, ['--exclude-caches']],
    ['folders with a file', { excludeIfPresent: [{ name: '.nobackup' }] }, ['--exclude-if-present', '.nobackup']],
    [
      'folders with a file that begins as told',
      { excludeIfPresent: [{ name: '.nobackup', header: 'please' }] },
      ['--exclude-if-present', '.nobackup:please'],
    ],
    ['large files', { excludeLargerThan: 4096 }, ['--exclude-larger-than', '4k']],
    ['whatever the case of the name', { insensitiveExcludes: ['*.txt'] }, ['--iexclude', '*.txt']],
    ['other file systems', { oneFileSystem: true }, ['--one-file-system']],
    [
      'all of it at once',
      { excludes: ['exact.*'], excludeCaches: true, excludeLargerThan: 1024, oneFileSystem: true },
      ['--exclude', 'exact.*', '--exclude-caches', '--exclude-larger-than', '1k', '-x'],
    ],
  ];

  test.each(cases)('is what restic leaves out: %s', async (_, ours, theirs) => {
    const everything = await treeOf({});
    restic.run(vault(), ['backup', '--host', 'oracle', '--force', ...theirs, source]);
    const snapshots = JSON.parse(restic.run(vault(), ['snapshots', '--json']).toString()) as { tree: string }[];
    const expected = (await findNode(repo, snapshots.at(-1)?.tree as never, source))?.subtree;
    for (const parent of ['none', 'auto'] as const) expect(await treeOf({ ...ours, parent }), parent).toBe(expected);
    if (ours.oneFileSystem === undefined || isRoot) expect(expected).not.toBe(everything);
  });

  test('restic follows a tag that is a link; the standard wants a regular file, so that the folder is kept here', async () => {
    put('linked-tag/kept', 'kept');
    symlinkSync('../cache/CACHEDIR.TAG', join(source, 'linked-tag', 'CACHEDIR.TAG'));
    try {
      const { snapshot } = await backup(repo, { paths: [source], hostname: 'ours', excludeCaches: true });
      await repo.loadIndex();
      expect(await findNode(repo, snapshot.tree, `${source}/linked-tag/kept`)).toBeDefined();
      await expect(findNode(repo, snapshot.tree, `${source}/cache/thumbnail`)).rejects.toThrow(
        'is not in the snapshot',
      );
    } finally {
      rmSync(join(source, 'linked-tag'), { recursive: true });
    }
  });

  async function treeOf(options: Partial<BackupOptions>): Promise<string | undefined> {
    let total: number | undefined;
    const { snapshot, problems, summary } = await backup(repo, {
      paths: [source],
      hostname: 'ours',
      ...options,
      onProgress: ({ totalFiles }) => {
        total = totalFiles;
      },
    });
    expect(problems).toEqual([]);
    // The counting walk starts late and may not have come to its end.
    if (total !== undefined) expect(total).toBe(summary.total_files_processed);
    await repo.loadIndex();
    return (await findNode(repo, snapshot?.tree as never, source))?.subtree;
  }
});
