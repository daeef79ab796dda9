// Names of what lies in a repository, and finding one of them by its first digits.

import { AppError } from '#lib/errors.ts';
import { decodeIndexFile } from '../format/index-file.ts';
import type { BlobType } from '../format/pack.ts';
import { type FileIds, type FileKind, isId } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { BlobId } from '../types.ts';

/** Ids of all files of a kind, in any order. Foreign files are left out. */
export async function* listIds<Kind extends FileKind>(
  repo: Repository,
  kind: Kind,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<FileIds[Kind]> {
  for await (const { id } of repo.listFiles(kind, options)) yield id;
}

/** Blobs as the index files name them, one file after the other: a blob that lies in two packs comes twice, as in restic. */
export async function* listBlobs(
  repo: Repository,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<{ type: BlobType; id: BlobId }> {
  for await (const { id } of repo.listFiles('index', options)) {
    for (const pack of decodeIndexFile(id, await repo.loadUnpacked('index', id, options))) {
      for (const blob of pack.blobs) yield { type: blob.type, id: blob.id as BlobId };
    }
  }
}

const NOUNS: Record<FileKind, string> = {
  index: 'index file',
  key: 'key',
  lock: 'lock',
  pack: 'pack',
  snapshot: 'snapshot',
};

/** The one file a person means. Throws 'not-found' for none, 'invalid-input' for what is no id or fits several. */
export async function findFile<Kind extends FileKind>(
  repo: Repository,
  kind: Kind,
  reference: string,
  signal?: AbortSignal,
): Promise<FileIds[Kind]> {
  const prefix = reference.toLowerCase();
  const noun = NOUNS[kind];
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) {
    throw new AppError('invalid-input', {
      message: `"${reference}" is not the id of a ${noun}.`,
      hint: 'Give an id or its first digits, as the lists print them.',
    });
  }
  if (isId(prefix)) return prefix as FileIds[Kind];
  const found: FileIds[Kind][] = [];
  for await (const { id } of repo.listFiles(kind, { signal })) if (id.startsWith(prefix)) found.push(id);
  const [only, second] = found;
  if (!only) throw new AppError('not-found', `No ${noun} has an id that starts with "${prefix}".`);
  if (second) {
    throw new AppError('invalid-input', `${found.length} ${noun}s have an id that starts with "${prefix}".`);
  }
  return only;
}
