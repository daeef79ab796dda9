import { readdirSync } from 'node:fs';

export interface FolderListing {
  /** latin1: a character per byte. Ascending by bytes. */
  names: string[];
  /** 1 for a name that readdir said is a regular file. */
  regular: Uint8Array;
}

/** Throws the errors of readdir. */
export function listFolder(path: string | Buffer): FolderListing {
  const entries = readdirSync(path, { encoding: 'latin1', withFileTypes: true });
  const others = new Set<string>();
  const names = entries.map((entry) => {
    if (!entry.isFile()) others.add(entry.name);
    return entry.name;
  });
  names.sort();
  return { names, regular: Uint8Array.from(names, (name) => (others.has(name) ? 0 : 1)) };
}
