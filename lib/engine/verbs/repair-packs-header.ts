// Reading the list of blobs that a pack ends with, without reading the pack.

import { AppError, isAppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import {
  decodeHeader,
  entryBytes,
  headerBytes,
  headerRange,
  LENGTH_BYTES,
  MIN_PACK_BYTES,
  type PackEntry,
} from '../format/pack.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { PackId } from '../types.ts';

/** Blobs whose header comes with the first read: most packs of large files hold fewer. restic reads as many. */
const EAGER_ENTRIES = 15;
const EAGER_BYTES = headerBytes([]) + EAGER_ENTRIES * entryBytes(true);

/**
 * The entries of a pack of `size` bytes from its header. A damaged one is read a second time, since the damage may be the
 * way's. Throws 'repository-damaged' naming the pack, also when it is not there.
 */
export async function readHeaderOf(
  repo: Repository,
  pack: PackId,
  size: number,
  options: { signal?: AbortSignal } = {},
): Promise<PackEntry[]> {
  const envelope = new Envelope(repo.masterKey);
  for (let attempt = 0; ; attempt++) {
    try {
      return await tryHeader(repo, envelope, pack, size, options);
    } catch (cause) {
      if (!isAppError(cause, 'repository-damaged', 'not-found')) throw cause;
      if (attempt === 0) continue;
      const message = `The header of pack ${pack} cannot be read: ${cause.message}`;
      throw new AppError('repository-damaged', { message, cause });
    }
  }
}

async function tryHeader(
  repo: Repository,
  envelope: Envelope,
  pack: PackId,
  size: number,
  options: { signal?: AbortSignal },
): Promise<PackEntry[]> {
  if (size < MIN_PACK_BYTES) throw new AppError('repository-damaged', `The file has only ${size} bytes.`);
  const name = fileName('pack', pack);
  const eager = Math.min(size, EAGER_BYTES);
  const end = await repo.store.get(name, { offset: size - eager, length: eager }, options);
  const range = headerRange(size, end.subarray(end.length - LENGTH_BYTES));
  const inEnd = range.offset - (size - eager);
  const sealed = inEnd >= 0 ? end.subarray(inEnd, inEnd + range.length) : await repo.store.get(name, range, options);
  const header = envelope.open(sealed);
  if (!header) throw new AppError('repository-damaged', 'Its authentication code does not match.');
  const entries = decodeHeader(header);
  const last = entries.at(-1);
  const blobsEnd = last ? last.offset + last.length : 0;
  if (blobsEnd !== range.offset) {
    throw new AppError('repository-damaged', `It lists ${blobsEnd} bytes of blobs where ${range.offset} are.`);
  }
  return entries;
}
