// Sources of a backup and the folders above them. A snapshot's tree starts at '/', so that a source /usr/share/doc lies
// in it as usr, share, doc, the upper two with their own modes, owners and times, as restic does for absolute paths.

import { type BigIntStats, lstatSync, opendirSync, statSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { AppError } from '#lib/errors.ts';
import type { ExtendedAttribute } from '../format/node.ts';
import type { Problem } from '../types.ts';
import { type AttributeReader, openAttributeReader } from '../walk/attributes.ts';

export interface Source {
  /** As in the snapshot: absolute, normalised. */
  path: string;
  /** Folder that holds it and its name there, both latin1. For '/' the folder is '/' and there is no name. */
  folder: string;
  name: string | undefined;
  isFolder: boolean;
}

export interface UpperFolder {
  /** Latin1; '' for the root of the snapshot. */
  name: string;
  /** Undefined for the root, and for a folder that only a stream needs. */
  stat: BigIntStats | undefined;
  attributes: readonly ExtendedAttribute[] | undefined;
  folders: Map<string, UpperFolder>;
  /** Name (latin1) -> JSON of the node, '' for one that could not be stored. */
  nodes: Map<string, string>;
}

function latin1(path: string): string {
  return Buffer.from(path).toString('latin1');
}

/** Both absolute and normalised. */
export function isBelow(path: string, folder: string): boolean {
  return path !== folder && path.startsWith(folder === '/' ? '/' : `${folder}/`);
}

/** Checks and sorts out the paths of a backup. Throws 'invalid-input', 'not-found' or 'permission-denied'. */
export function findSources(paths: readonly string[], report: (problem: Problem) => void): Source[] {
  const cleaned = paths.map((path) => {
    if (!isAbsolute(path) || path.includes('\0')) {
      throw new AppError('invalid-input', `"${path}" is not an absolute path.`);
    }
    const normal = normalize(path);
    return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
  });
  const unique = [...new Set(cleaned)].sort();
  // A source inside another one comes with that one.
  const outermost = unique.filter((path) => !unique.some((other) => isBelow(path, other)));
  return outermost.map((path) => {
    const stat = statSource(path);
    if (stat.isSymbolicLink()) {
      const message = 'It is a symbolic link: only the link is stored, not what it points to.';
      report({ path, during: 'unsupported', message });
    }
    const bytes = latin1(path);
    const slash = bytes.lastIndexOf('/');
    return {
      path,
      folder: bytes.slice(0, slash) || '/',
      name: bytes === '/' ? undefined : bytes.slice(slash + 1),
      isFolder: stat.isDirectory(),
    };
  });
}

function statSource(path: string): BigIntStats {
  try {
    const stat = lstatSync(path, { bigint: true });
    if (stat.isDirectory()) opendirSync(path).closeSync();
    return stat;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new AppError('not-found', {
        message: `The source ${path} does not exist on this machine.`,
        hint: 'Is the disk or share mounted? Was the folder renamed?',
        cause,
      });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new AppError('permission-denied', {
        message: `The source ${path} cannot be read: permission denied.`,
        hint: 'Run the worker as a user who may read it.',
        cause,
      });
    }
    throw new AppError('unavailable', { message: `The source ${path} cannot be read: ${message}.`, cause });
  }
}

export function newRoot(): UpperFolder {
  return { name: '', stat: undefined, attributes: undefined, folders: new Map(), nodes: new Map() };
}

/** Hangs the sources, whose nodes are given in their order, into `root`, with the folders above them. */
export function addSources(root: UpperFolder, sources: readonly Source[], nodes: readonly string[]): void {
  const reader = openAttributeReader();
  sources.forEach((source, number) => {
    if (source.name === undefined) return;
    let at = root;
    let path = '';
    for (const name of source.folder.split('/').filter((part) => part !== '')) {
      path += `/${name}`;
      const next = at.folders.get(name) ?? { ...newRoot(), name };
      if (!next.stat) {
        // As restic: a folder above a source that is a link counts as the folder it points to.
        next.stat = statSync(Buffer.from(path, 'latin1'), { bigint: true });
        next.attributes = attributesOf(reader, path);
        at.folders.set(name, next);
      }
      at = next;
    }
    at.nodes.set(source.name, nodes[number] ?? '');
  });
}

function attributesOf(reader: AttributeReader | undefined, path: string): readonly ExtendedAttribute[] | undefined {
  try {
    return reader?.read(Buffer.from(path, 'latin1'));
  } catch {
    // A folder above the sources that will not tell: the sources themselves are what is backed up.
    return undefined;
  }
}
