// The folders in a folder, for the folder picker.

import { constants, type Dirent } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FolderListing } from '#lib/contracts/workers.ts';
import { joinPathText, pathTextFromBytes } from '#lib/engine/format/path-text.ts';
import { AppError } from '#lib/errors.ts';
import { hostPath } from './host-path.ts';
import { folderError } from './inspect.ts';

const MOST_FOLDERS = 2_000;
/** Asking for each entry's kind or rights at once would open thousands of files on a slow share. */
const AT_ONCE = 32;

/** Symbolic links to folders count as folders: people mount and link what they protect. */
export async function listFolder(text: string, hidden: boolean): Promise<FolderListing> {
  const asked = hostPath(text === '' ? '/' : text);
  if (!asked.startsWith('/')) {
    throw new AppError('invalid-input', { message: `"${text}" is not an absolute path.`, hint: 'Start it with "/".' });
  }
  const path = resolve(asked);
  let entries: Dirent<Buffer>[];
  try {
    entries = await readdir(path, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    throw folderError(path, error);
  }
  const base = pathTextFromBytes(Buffer.from(path));
  const candidates: Buffer[] = [];
  let files = 0;
  const links: Buffer[] = [];
  for (const entry of entries) {
    if (entry.isSymbolicLink()) links.push(entry.name);
    else if (entry.isDirectory()) candidates.push(entry.name);
    else files++;
  }
  const linkKinds = await inBatches(links, (name) =>
    stat(join(path, name)).then(
      (found) => found.isDirectory(),
      () => false,
    ),
  );
  links.forEach((name, index) => {
    if (linkKinds[index]) candidates.push(name);
    else files++;
  });
  const shown = candidates.filter((name) => hidden || name[0] !== '.'.charCodeAt(0)).sort(Buffer.compare);
  const folders = await inBatches(shown.slice(0, MOST_FOLDERS), async (name) => {
    const text = pathTextFromBytes(name);
    const readable = await access(join(path, name), constants.R_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    return { name: text, path: joinPathText(base, text), readable };
  });
  const [writable, space] = await Promise.all([
    access(path, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    ),
    // Not every file system says; the picker then shows no figure.
    statfs(path).catch(() => undefined),
  ]);
  return {
    path: base,
    exists: true,
    parent: path === '/' ? null : pathTextFromBytes(Buffer.from(dirname(path))),
    folders,
    files,
    truncated: shown.length > MOST_FOLDERS,
    writable,
    ...(space ? { freeBytes: space.bavail * space.bsize } : {}),
  };
}

function join(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder.endsWith('/') ? folder : `${folder}/`), name]);
}

async function inBatches<In, Out>(items: readonly In[], work: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(work))));
  }
  return results;
}
