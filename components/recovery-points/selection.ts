// Entries chosen across folders, in the order in which they were chosen.

import type { EntryView } from '#lib/contracts/recovery-points.ts';

export type Selection = ReadonlyMap<string, EntryView>;

export const NOTHING: Selection = new Map();

export function toggled(selection: Selection, entry: EntryView): Selection {
  const next = new Map(selection);
  if (!next.delete(entry.path)) next.set(entry.path, entry);
  return next;
}

export function withAll(selection: Selection, entries: readonly EntryView[]): Selection {
  const next = new Map(selection);
  for (const entry of entries) next.set(entry.path, entry);
  return next;
}

/** Paths without those that lie in a chosen folder: taking a folder takes what is in it. */
export function outermost(paths: readonly string[]): string[] {
  const all = new Set(paths);
  return paths.filter((path) => {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (all.has(path.slice(0, cut))) return false;
    }
    return !(all.has('/') && path !== '/');
  });
}
