import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyMetadata, type EntryMetadata } from './metadata.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-metadata-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const metadata: EntryMetadata = {
  type: 'file',
  mode: 0o711,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  atimeSec: 0,
  atimeNsec: 1,
  mtimeSec: 1_700_000_000,
  mtimeNsec: 0,
};

test('the mode of every type of entry is set, also of those that cannot be opened', () => {
  const [folder, file, fifo] = ['folder', 'file', 'fifo'].map((name) => join(home, name)) as [string, string, string];
  mkdirSync(folder, { mode: 0o000 });
  writeFileSync(file, '', { mode: 0o000 });
  execFileSync('mkfifo', ['-m', '000', fifo]);
  for (const path of [folder, file, fifo]) {
    expect(applyMetadata(Buffer.from(path), metadata)).toEqual([]);
    expect(statSync(path)).toMatchObject({ mtimeMs: 1.7e12 });
    expect(statSync(path).mode & 0o7777).toBe(0o711);
  }
});

test.runIf(process.platform === 'linux')('a symlink that was planted is told, and what it leads to stays', () => {
  const victim = join(home, 'victim');
  mkdirSync(victim, { mode: 0o700 });
  const planted = join(home, 'planted');
  symlinkSync(victim, planted);
  const failures = applyMetadata(Buffer.from(planted), metadata);
  expect(failures.map(({ what }) => what)).toEqual(['mode']);
  expect(statSync(victim).mode & 0o777).toBe(0o700);
  expect(statSync(victim).mtimeMs).not.toBe(1.7e12);
});
