// The contents of a repository's files and blobs, for looking into it by hand.

import { createHash } from 'node:crypto';
import { AppError, throwIfCancelled } from '#lib/errors.ts';
import { polynomialText } from '../chunker/polynomial.ts';
import { masterKeyJson } from '../format/key.ts';
import { fileName, isId } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import { findFile } from './list.ts';
import { findFolder, knowBlob } from './ls-walk.ts';
import { loadKeyFile } from './open.ts';
import { resolveSnapshot } from './snapshots.ts';

interface CatOptions {
  signal?: AbortSignal;
}

/** Kinds of which the contents are JSON. */
export type CatJsonKind = 'config' | 'masterkey' | 'index' | 'key' | 'lock' | 'snapshot';

/**
 * JSON text as stored, of the file a person means. "masterkey" is the secret that opens everything, whatever the passwords are
 * changed to: whoever asks for it is to be warned.
 */
export async function catJson(
  repo: Repository,
  kind: CatJsonKind,
  reference: string,
  options: CatOptions = {},
): Promise<string> {
  switch (kind) {
    case 'config': {
      const { version, id, chunkerPolynomial } = repo;
      return JSON.stringify({ version, id, chunker_polynomial: polynomialText(chunkerPolynomial) });
    }
    case 'masterkey':
      return JSON.stringify(masterKeyJson(repo.masterKey));
    case 'key': {
      const id = await findFile(repo, 'key', reference, options.signal);
      const { size } = await repo.store.stat(fileName('key', id), options);
      return (await loadKeyFile(repo.store, id, size, options.signal)).toString('utf8');
    }
    case 'snapshot': {
      const { snapshot } = await resolveSnapshot(repo, reference, options);
      return (await repo.loadUnpacked('snapshot', snapshot.id, options)).toString('utf8');
    }
    case 'index':
    case 'lock': {
      const id = await findFile(repo, kind, reference, options.signal);
      return (await repo.loadUnpacked(kind, id, options)).toString('utf8');
    }
  }
}

/** Read at once: packs may have gigabytes. */
const PIECE_BYTES = 8 << 20;

/** A pack as it lies there. Throws 'repository-damaged' after the last byte when it is not what its name says. */
export async function* catPack(repo: Repository, reference: string, options: CatOptions = {}): AsyncGenerator<Buffer> {
  const id = await findFile(repo, 'pack', reference, options.signal);
  const name = fileName('pack', id);
  const { size } = await repo.store.stat(name, options);
  const sum = createHash('sha256');
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    throwIfCancelled(options.signal);
    const piece = await repo.store.get(name, { offset, length: Math.min(PIECE_BYTES, size - offset) }, options);
    sum.update(piece);
    yield piece;
  }
  if (sum.digest('hex') !== id) {
    throw new AppError('repository-damaged', `The pack ${id} is damaged: its content does not match its name.`);
  }
}

/** Content of a data or tree blob; of a tree when both have the id. */
export async function catBlob(repo: Repository, reference: string, options: CatOptions = {}): Promise<Buffer> {
  await repo.loadIndex(options);
  const id = isId(reference) ? reference : findBlobId(repo, reference);
  for (const type of ['tree', 'data'] as const) {
    if (repo.lookup(type, id)) return repo.loadBlob(type, id, options);
  }
  throw new AppError('not-found', `The index knows no blob ${id}.`);
}

function findBlobId(repo: Repository, reference: string): string {
  const found = new Set<string>();
  for (const { blobs } of repo.packs()) {
    for (const { id } of blobs) if (id.startsWith(reference)) found.add(id);
  }
  const [only] = found;
  if (!only || reference === '') throw new AppError('not-found', `No blob has an id that starts with "${reference}".`);
  if (found.size > 1) {
    throw new AppError('invalid-input', `${found.size} blobs have an id that starts with "${reference}".`);
  }
  return only;
}

/** The tree of "<snapshot>:<folder>", as stored. */
export async function catTree(repo: Repository, reference: string, options: CatOptions = {}): Promise<Buffer> {
  const { snapshot, folder } = await resolveSnapshot(repo, reference, options);
  const tree = await findFolder(repo, snapshot.tree, folder, options.signal);
  await knowBlob(repo, 'tree', tree, options.signal);
  return repo.loadBlob('tree', tree, options);
}
