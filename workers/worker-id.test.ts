import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { workerId } from './worker-id.ts';

async function dataDir(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-id-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('a data folder has one id, however many ask for it at once, and keeps it', async () => {
  const dir = join(await dataDir(), 'not', 'there', 'yet');
  const first = await workerId(dir);
  expect(await Promise.all([workerId(dir), workerId(dir)])).toEqual([first, first]);
  expect((await readFile(join(dir, 'worker-id'), 'utf8')).trim()).toBe(first);
  expect(await readdir(dir)).toEqual(['worker-id']);
});

test('two data folders are two workers', async () => {
  expect(await workerId(await dataDir())).not.toBe(await workerId(await dataDir()));
});

test('a file that holds something else is not overwritten', async () => {
  const dir = await dataDir();
  await writeFile(join(dir, 'worker-id'), 'attic\n');
  await expect(workerId(dir)).rejects.toMatchObject({ code: 'conflict', hint: expect.any(String) });
  expect(await readFile(join(dir, 'worker-id'), 'utf8')).toBe('attic\n');
});
