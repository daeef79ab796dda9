// Removes what lies in a target and is not wanted, symlinks themselves, never what they lead to.

import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import type { Places } from './places.ts';

/** An entry of a folder and everything below it. Throws what the file system throws; then part of it may be gone. */
export function removeTree(places: Places, folder: string, name: string): void {
  const path = places.entry(folder, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isDirectory()) {
    unlinkSync(path);
    return;
  }
  // Not by recursion: folders may lie deeper than the stack.
  const pending = [{ at: `${folder}/${name}`, listed: false }];
  for (let top = pending.at(-1); top; top = pending.at(-1)) {
    if (top.listed) {
      pending.pop();
      const slash = top.at.lastIndexOf('/');
      rmdirSync(places.entry(top.at.slice(0, slash), top.at.slice(slash + 1)));
      continue;
    }
    top.listed = true;
    for (const child of readdirSync(places.entry(top.at, '.'), { encoding: 'buffer', withFileTypes: true })) {
      const below = child.name.toString('latin1');
      if (child.isDirectory()) pending.push({ at: `${top.at}/${below}`, listed: false });
      else unlinkSync(places.entry(top.at, below));
    }
  }
  // A descriptor of a folder that is gone must not stand for a later one of its name.
  places.forget();
}
