import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { posix } from './posix.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-posix-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function times(atime: [number, number], mtime: [number, number]) {
  return { atimeSec: atime[0], atimeNsec: atime[1], mtimeSec: mtime[0], mtimeNsec: mtime[1] };
}

test('times are set to the nanosecond, before 1970 too, and never through a symlink', () => {
  const home = folder();
  writeFileSync(join(home, 'a'), '');
  symlinkSync('a', join(home, 'link'));
  posix?.setTimes(Buffer.from(join(home, 'a')), times([1_700_000_000, 123_456_789], [-1, 999_999_999]));
  posix?.setTimes(Buffer.from(join(home, 'link')), times([0, 5], [1_600_000_000, 1]));
  const file = lstatSync(join(home, 'a'), { bigint: true });
  expect([file.atimeNs, file.mtimeNs]).toEqual([1_700_000_000_123_456_789n, -1n]);
  posix?.setTimes(join(home, 'a'), times([0, 0], [2 ** 32 + 7, 0]));
  expect(lstatSync(join(home, 'a')).mtimeMs).toBe((2 ** 32 + 7) * 1000);
  expect(lstatSync(join(home, 'link'), { bigint: true }).mtimeNs).toBe(1_600_000_000_000_000_001n);
});

test('FIFOs are made and extended attributes are read back', () => {
  const home = folder();
  posix?.makeFifo(Buffer.from(join(home, 'fifo')), 0o600);
  expect(lstatSync(join(home, 'fifo')).isFIFO()).toBe(true);
  writeFileSync(join(home, 'a'), '');
  const attribute = { name: 'user.colour', value: Buffer.from([0, 1, 0xff]).toString('base64') };
  posix?.setAttribute(Buffer.from(join(home, 'a')), attribute);
  expect(posix?.attributes(Buffer.from(join(home, 'a')))).toContainEqual(attribute);
});

test('a failure names the call and the reason', () => {
  expect(() => posix?.setTimes(Buffer.from('/does/not/exist'), times([0, 0], [0, 0]))).toThrow(
    'ENOENT: utimensat failed',
  );
});

test('a folder is opened by a way of real folders only, within the one it is below', () => {
  const home = folder();
  mkdirSync(join(home, 'a', 'b'), { recursive: true });
  symlinkSync('a', join(home, 'link'));
  symlinkSync('b', join(home, 'a', 'last'));
  const root = openSync(home, 'r');
  onTestFinished(() => closeSync(root));
  const open = (relative: string) => posix?.openFolder(root, Buffer.from(relative)) ?? -1;
  const fd = open('a/b');
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe(join(home, 'a', 'b'));
  posix?.close(fd);
  for (const way of ['link/b', 'a/last', '../x']) expect(() => open(way)).toThrow(/ELOOP|ENOTDIR|EXDEV/);
});
