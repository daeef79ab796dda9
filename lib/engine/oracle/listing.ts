// What a folder is, entry by entry, so that two of them can be compared.

import { hash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { pathTextFromBytes } from '../format/path-text.ts';

/** One line an entry, by path: type, mode, owner, time, size, content, link target, and the first name of its hard link group. */
export function listing(folder: string): Record<string, string> {
  const lines: Record<string, string> = {};
  const groups = new Map<string, string>();
  const visit = (at: Buffer, relative: Buffer) => {
    const names = readdirSync(at, { encoding: 'buffer' }).sort(Buffer.compare);
    for (const name of names) {
      const path = Buffer.concat([at, Buffer.from('/'), name]);
      const below = Buffer.concat([relative, Buffer.from('/'), name]);
      const text = pathTextFromBytes(below);
      const stat = lstatSync(path, { bigint: true });
      const facts = [`mode ${stat.mode.toString(8)}`, `owner ${stat.uid}:${stat.gid}`, `mtime ${stat.mtimeNs}`];
      if (stat.isFile()) {
        facts.push(`size ${stat.size}`, `sha256 ${hash('sha256', readFileSync(path))}`);
        const key = `${stat.dev}:${stat.ino}`;
        if (stat.nlink > 1n) facts.push(`same file as ${groups.get(key) ?? text}`);
        if (!groups.has(key)) groups.set(key, text);
      }
      if (stat.isSymbolicLink()) facts.push(`to ${pathTextFromBytes(readlinkSync(path, { encoding: 'buffer' }))}`);
      lines[text] = facts.join(', ');
      if (stat.isDirectory()) visit(path, below);
    }
  };
  visit(Buffer.from(folder), Buffer.alloc(0));
  return lines;
}
