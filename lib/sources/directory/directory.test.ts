import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directoryBackup } from './backup-input.ts';
import { hostPath } from './host-path.ts';
import { inspectDirectory } from './inspect.ts';
import { listFolder } from './list-folder.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-dir-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function folder(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  return path;
}

test('folders come sorted, files are counted, hidden ones only when asked for', async () => {
  const path = await folder('plain');
  for (const name of ['b', 'a', '.git']) await mkdir(join(path, name));
  for (const name of ['x', 'y']) await writeFile(join(path, name), '');
  const listing = await listFolder(path, false);
  expect(listing).toMatchObject({ path, parent: root, files: 2, truncated: false, writable: true });
  expect(listing.folders.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(listing.freeBytes).toBeGreaterThan(0);
  expect((await listFolder(path, true)).folders.map(({ name }) => name)).toEqual(['.git', 'a', 'b']);
});

test('a link to a folder is a folder, a broken link and a link to a file are not', async () => {
  const path = await folder('links');
  await symlink(join(root, 'plain'), join(path, 'to-folder'));
  await symlink(join(root, 'plain', 'x'), join(path, 'to-file'));
  await symlink(join(root, 'nowhere'), join(path, 'broken'));
  expect(await listFolder(path, false)).toMatchObject({ files: 2, folders: [{ name: 'to-folder', readable: true }] });
});

test('a folder with an odd name can be opened with the path its listing gave', async () => {
  const path = await folder('odd');
  for (const name of ['new\nline', 'back\\slash', '"quoted" ü 🚆', 'n'.repeat(255)]) {
    await mkdir(join(path, name, 'inside'), { recursive: true });
  }
  for (const entry of (await listFolder(path, false)).folders) {
    expect((await listFolder(entry.path, false)).folders).toMatchObject([{ name: 'inside' }]);
    expect(await inspectDirectory(hostPath(entry.path))).toEqual({ empty: false });
  }
});

test('a folder whose name is not UTF-8 is listed, and opening it says what to do', async () => {
  const path = await folder('latin1');
  await mkdir(Buffer.concat([Buffer.from(`${path}/gr`), Buffer.from([0xfc]), Buffer.from('n')]));
  const [entry] = (await listFolder(path, false)).folders;
  expect(entry).toMatchObject({ name: 'gr\\xfcn' });
  await expect(listFolder(entry?.path ?? '', false)).rejects.toMatchObject({
    code: 'unsupported',
    hint: expect.any(String),
  });
});

test('thousands of folders are cut, and it says so', async () => {
  const path = await folder('many');
  for (let i = 0; i < 2_001; i++) await mkdir(join(path, String(i)));
  const listing = await listFolder(path, false);
  expect([listing.folders.length, listing.truncated]).toEqual([2_000, true]);
});

test('the top folder has no parent, and ".." does not lead above it', async () => {
  expect(await listFolder('/', false)).toMatchObject({ path: '/', parent: null });
  expect(await listFolder('/tmp/../../..', false)).toMatchObject({ path: '/' });
  await expect(listFolder('tmp', false)).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(listFolder('/tmp/\\x00', false)).rejects.toMatchObject({ code: 'invalid-input' });
});

test('what is not a folder is told apart from what is not there', async () => {
  const path = await folder('kinds');
  await writeFile(join(path, 'file'), '');
  await expect(inspectDirectory(join(path, 'no'))).rejects.toMatchObject({ code: 'not-found' });
  await expect(inspectDirectory(join(path, 'file'))).rejects.toMatchObject({ code: 'invalid-input' });
  await expect(inspectDirectory(join(path, 'file', 'below'))).rejects.toMatchObject({ code: 'invalid-input' });
  expect(await inspectDirectory(path)).toEqual({ empty: false });
  expect(await inspectDirectory(await folder('empty'))).toEqual({ empty: true });
});

test('a source that became a symbolic link is refused with the place it leads to', async () => {
  const real = await folder('real');
  await symlink(real, join(root, 'link'));
  const config = (path: string) => ({ kind: 'directory' as const, path, excludes: ['*.tmp'] });
  await expect(directoryBackup(config(join(root, 'link')))).rejects.toMatchObject({
    code: 'invalid-input',
    message: expect.stringContaining(real),
  });
  expect(await directoryBackup(config(real))).toEqual({ path: real, excludes: ['*.tmp'] });
});
