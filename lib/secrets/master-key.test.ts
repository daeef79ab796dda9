import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadMasterKey, masterKeyFrom } from './master-key.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'holdfast-key-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

test('a new installation gets a key of 32 bytes that only its user can read', async () => {
  await loadMasterKey({ dataDir });
  const path = join(dataDir, 'master.key');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(Buffer.from((await readFile(path, 'utf8')).trim(), 'base64')).toHaveLength(32);
});

test('the next start reads the same key', async () => {
  const first = await loadMasterKey({ dataDir });
  const second = await loadMasterKey({ dataDir });
  expect(second.id).toBe(first.id);
  expect(second.derive('x').equals(first.derive('x'))).toBe(true);
});

test('processes that start at once agree on one key', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => loadMasterKey({ dataDir })));
  expect(new Set(keys.map((key) => key.id)).size).toBe(1);
});

test('a key that others can read stops the start and says how to repair it', async () => {
  await loadMasterKey({ dataDir });
  await chmod(join(dataDir, 'master.key'), 0o644);
  await expect(loadMasterKey({ dataDir })).rejects.toMatchObject({
    code: 'permission-denied',
    hint: expect.stringContaining('chmod 600'),
  });
});

test('a damaged key file is refused and left as it is', async () => {
  const path = join(dataDir, 'master.key');
  await writeFile(path, 'c2hvcnQ=\n', { mode: 0o600 });
  await expect(loadMasterKey({ dataDir })).rejects.toThrow(/damaged: it holds 5 bytes instead of 32/);
  expect(await readFile(path, 'utf8')).toBe('c2hvcnQ=\n');
});

test('a key from the environment is used and no file is made', async () => {
  const given = Buffer.alloc(32, 7);
  const key = await loadMasterKey({ dataDir, given });
  expect(key.id).toBe(masterKeyFrom(given).id);
  await expect(stat(join(dataDir, 'master.key'))).rejects.toThrow(/ENOENT/);
});

test('keys for different purposes have nothing in common, nor do they show the master key', () => {
  const bytes = Buffer.alloc(32, 1);
  const key = masterKeyFrom(bytes);
  expect(key.derive('a').equals(key.derive('b'))).toBe(false);
  expect(key.derive('a').equals(bytes)).toBe(false);
  expect(bytes.toString('hex')).not.toContain(key.id);
});
