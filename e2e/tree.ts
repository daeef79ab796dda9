// What the stories back up: a real tree, and beside it everything that makes file names and files hard.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeOddFolder } from '#lib/engine/oracle/odd-folder.ts';

const REAL_TREE = '/usr/share/doc';
/** On a desktop it can be gigabytes; this is enough to watch. */
const MOST_KIB = 120 * 1024;

/** Makes the folder with `doc` (copied) and `odd` (names that are not text, links, special modes, files over 8 MiB) in it. */
export function makeSource(folder: string): void {
  mkdirSync(join(folder, 'doc'), { recursive: true });
  let size = 0;
  const parts: string[] = [];
  for (const line of du(REAL_TREE)) {
    const [kib = '0', path = ''] = line.split('\t');
    size += Number(kib);
    if (size > MOST_KIB) break;
    parts.push(path);
  }
  execFileSync('cp', ['-a', ...parts, join(folder, 'doc')]);
  makeOddFolder(join(folder, 'odd'));
  // Root reads everything; for anyone else a file without a reader is another story.
  if (process.getuid?.() !== 0) chmodSync(join(folder, 'odd', 'files', 'secret'), 0o400);
}

function du(folder: string): string[] {
  const names = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
  return execFileSync('du', ['-sk', ...names], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

/** Files of bytes that neither compress nor repeat, so that backing them up takes a while. */
export function makeBulk(folder: string, files: number, mebibytesEach: number): void {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < files; index++) {
    const file = join(folder, `bulk-${String(index).padStart(3, '0')}.bin`);
    execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${mebibytesEach}`, 'status=none']);
  }
}
