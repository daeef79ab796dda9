// Index files: which pack holds which blob (restic, internal/repository/index). Blobs of a pack come in any order.
// `supersedes` and unknown fields are ignored, as restic does since 0.17.

import { AppError } from '#lib/errors.ts';
import type { IndexId, PackId } from '../types.ts';
import type { PackEntry } from './pack.ts';

export interface IndexedPack {
  id: PackId;
  blobs: Iterable<PackEntry>;
}

/** A pack as an index file lists it. */
export interface ListedPack extends IndexedPack {
  blobs: readonly PackEntry[];
}

export function encodeIndexFile(packs: readonly IndexedPack[]): Buffer {
  // By hand: five million fields through JSON.stringify take twice as long.
  const text = packs.map(({ id, blobs }) => {
    let entries = '';
    for (const blob of blobs) {
      const plain = blob.uncompressedLength === undefined ? '' : `,"uncompressed_length":${blob.uncompressedLength}`;
      entries += `${entries === '' ? '' : ','}{"id":"${blob.id}","type":"${blob.type}","offset":${blob.offset},"length":${blob.length}${plain}}`;
    }
    return `{"id":"${id}","blobs":[${entries}]}`;
  });
  return Buffer.from(`{"packs":[${text.join(',')}]}`);
}

const ID = /^[0-9a-f]{64}$/;
const MAX_U32 = 2 ** 32 - 1;

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_U32;
}

/** Throws 'repository-damaged'. Whether the entries are true only the packs can tell: check. */
export function decodeIndexFile(id: IndexId, plaintext: Buffer): ListedPack[] {
  const bad = (what: string, cause?: unknown) =>
    new AppError('repository-damaged', {
      message: `The index file ${id.slice(0, 8)} ${what}.`,
      hint: 'Run "restic repair index" on the repository.',
      cause,
    });
  let raw: { packs?: unknown };
  try {
    raw = JSON.parse(plaintext.toString('utf8'));
  } catch (cause) {
    throw bad('is not JSON', cause);
  }
  // Go writes null for an empty list.
  const packs = raw?.packs ?? [];
  if (!Array.isArray(packs)) throw bad('has no list of packs');
  for (const pack of packs) {
    if (typeof pack?.id !== 'string' || !ID.test(pack.id)) throw bad('names a pack without a valid id');
    pack.blobs ??= [];
    if (!Array.isArray(pack.blobs)) throw bad(`has no list of blobs for pack ${pack.id.slice(0, 8)}`);
    for (const blob of pack.blobs) {
      if (typeof blob?.id !== 'string' || !ID.test(blob.id)) throw bad('names a blob without a valid id');
      if (blob.type !== 'data' && blob.type !== 'tree') throw bad(`gives blob ${blob.id.slice(0, 8)} an unknown type`);
      const plainLength = blob.uncompressed_length ?? 0;
      if (!isLength(blob.offset) || !isLength(blob.length) || !isLength(plainLength)) {
        throw bad(`gives blob ${blob.id.slice(0, 8)} an impossible place`);
      }
      blob.uncompressedLength = plainLength === 0 ? undefined : plainLength;
    }
  }
  return packs as ListedPack[];
}
