import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { posix } from './posix.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-posix-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test('times are set to the nanosecond, before 1970 too, and never through a symlink', () => {
  const home = folder();
  writeFileSync(join(home, 'a'), '');
  symlinkSync('a', join(home, 'link'));
  posix?.setTimes(Buffer.from(join(home, 'a')), 1_700_000_000_123_456_789n, -1n);
  posix?.setTimes(Buffer.from(join(home, 'link')), 5n, 1_600_000_000_000_000_001n);
  const file = lstatSync(join(home, 'a'), { bigint: true });
  expect([file.atimeNs, file.mtimeNs]).toEqual([1_700_000_000_123_456_789n, -1n]);
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
  expect(() => posix?.setTimes(Buffer.from('/does/not/exist'), 0n, 0n)).toThrow('ENOENT: utimensat failed');
});
