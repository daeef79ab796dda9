import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { lockDataFolder, prepareDataFolder } from './data-folder.ts';

const isRoot = process.getuid?.() === 0;
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-folder-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

test('makes the folder with its parents, closed to other users', async () => {
  const folder = join(root, 'a', 'b');
  await prepareDataFolder(folder, true);
  expect((await stat(folder)).mode & 0o777).toBe(isRoot ? 0o711 : 0o700);
});

test('a file in the way is named', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(prepareDataFolder(join(root, 'file'), true)).rejects.toThrow('is a file, or is below one');
  await expect(prepareDataFolder(join(root, 'file', 'data'), true)).rejects.toThrow('is a file, or is below one');
});

test.skipIf(isRoot)('a folder that is not writable is named with the user', async () => {
  await mkdir(join(root, 'data'));
  await chmod(join(root, 'data'), 0o500);
  await expect(prepareDataFolder(join(root, 'data'), true)).rejects.toThrow('is not writable for');
});

test('a second instance is refused while the first runs, also from another process', async () => {
  const lock = lockDataFolder(root);
  expect(() => lockDataFolder(root)).toThrow('Another Holdfast is running on this data folder');
  lock.release();
  lockDataFolder(root).release();
});

test('the lock of an instance that was killed with -9 is free', async () => {
  const code = `const { lockDataFolder } = await import(process.argv[1]);
    // Held by a name: what nobody refers to any more is collected, and closes.
    globalThis.lock = lockDataFolder(process.argv[2]); console.log('locked'); setInterval(() => {}, 1000);`;
  const module = new URL('./data-folder.ts', import.meta.url).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, module, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // A child that outlives a failed test would hold the test runner's output open, and the runner waits for that.
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  expect(() => lockDataFolder(root)).toThrow('Another Holdfast');
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockDataFolder(root).release();
});
