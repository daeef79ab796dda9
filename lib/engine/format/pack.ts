// Pack files: sealed blobs without gaps, then the sealed header, then its length as u32 little endian
// (restic, internal/repository/pack). Types 0 and 1 are uncompressed data and tree, 2 and 3 compressed.

import { AppError } from '#lib/errors.ts';
import { ENVELOPE_BYTES, type Envelope } from '../crypto/envelope.ts';

export type BlobType = 'data' | 'tree';

export interface PackEntry {
  type: BlobType;
  /** 64 hex characters. */
  id: string;
  /** Of the sealed blob in the pack. */
  offset: number;
  length: number;
  /** Bytes of the blob before compression; undefined when it is stored as it is. */
  uncompressedLength?: number;
}

const ID_BYTES = 32;
const PLAIN_ENTRY = 1 + 4 + ID_BYTES;
const COMPRESSED_ENTRY = PLAIN_ENTRY + 4;
export const LENGTH_BYTES = 4;
/** restic refuses longer headers. */
export const MAX_HEADER_BYTES = 16 << 20;
/** A header with one uncompressed entry of an empty blob: the smallest legal pack. */
export const MIN_PACK_BYTES = PLAIN_ENTRY + ENVELOPE_BYTES + LENGTH_BYTES;

/** Bytes the header of a pack takes in the file, its length field included. */
export function headerBytes(entries: Iterable<{ uncompressedLength?: number }>): number {
  let size = ENVELOPE_BYTES + LENGTH_BYTES;
  for (const { uncompressedLength } of entries) size += entryBytes(uncompressedLength !== undefined);
  return size;
}

export function entryBytes(compressed: boolean): number {
  return compressed ? COMPRESSED_ENTRY : PLAIN_ENTRY;
}

/** Plaintext of a header; `entries` in pack order. */
export function encodeHeader(entries: readonly Omit<PackEntry, 'offset'>[]): Buffer {
  const header = Buffer.allocUnsafe(headerBytes(entries) - ENVELOPE_BYTES - LENGTH_BYTES);
  let at = 0;
  for (const entry of entries) at = writeEntry(header, at, entry);
  return header;
}

/** Writes one entry of a header at `at`; returns where the next one goes. */
export function writeEntry(header: Buffer, at: number, entry: Omit<PackEntry, 'offset'>): number {
  const { type, id, length, uncompressedLength } = entry;
  const compressed = uncompressedLength !== undefined;
  // Plain length 0 means "not compressed" to every reader.
  if (uncompressedLength === 0) throw new AppError('internal', 'An empty blob cannot be marked as compressed.');
  let next = header.writeUInt8((type === 'tree' ? 1 : 0) + (compressed ? 2 : 0), at);
  next = header.writeUInt32LE(length, next);
  if (compressed) next = header.writeUInt32LE(uncompressedLength, next);
  return next + header.write(id, next, 'hex');
}

/**
 * Entries of a pack as its header lists them, flat: a pack of 100,000 blobs passes between threads, and waits for its index,
 * as one piece of memory instead of as many objects.
 */
export class PackEntries implements Iterable<PackEntry> {
  readonly #header: Buffer;
  readonly count: number;

  /** `header`: plaintext of a header, as encodeHeader() makes it, with `count` entries. */
  constructor(header: Uint8Array, count: number) {
    this.#header = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
    this.count = count;
  }

  [Symbol.iterator](): Iterator<PackEntry> {
    return iterateHeader(this.#header);
  }
}

/** Entries of a decrypted header, offsets summed up. Throws 'repository-damaged'. */
export function decodeHeader(header: Buffer): PackEntry[] {
  return Array.from(iterateHeader(header));
}

function* iterateHeader(header: Buffer): Generator<PackEntry> {
  let offset = 0;
  for (let at = 0; at < header.length; ) {
    const kind = header[at] as number;
    if (kind > 3) throw badPack(`has a blob of unknown type ${kind}`);
    const compressed = kind >= 2;
    const size = entryBytes(compressed);
    if (at + size > header.length) throw badPack('has a header that ends in the middle of an entry');
    const length = header.readUInt32LE(at + 1);
    if (length < ENVELOPE_BYTES) throw badPack(`lists a blob of ${length} bytes, too short to be one`);
    const idStart = at + size - ID_BYTES;
    yield {
      type: kind % 2 === 1 ? 'tree' : 'data',
      id: header.toString('hex', idStart, idStart + ID_BYTES),
      offset,
      length,
      uncompressedLength: compressed ? header.readUInt32LE(at + 5) : undefined,
    };
    offset += length;
    at += size;
  }
}

function badPack(what: string): AppError {
  return new AppError('repository-damaged', `A pack ${what}.`);
}

/** Where the sealed header of a pack of `fileSize` bytes lies, from the file's last four bytes. Throws 'repository-damaged'. */
export function headerRange(fileSize: number, lengthField: Buffer): { offset: number; length: number } {
  const length = lengthField.readUInt32LE(0);
  if (fileSize < MIN_PACK_BYTES) throw badPack(`has only ${fileSize} bytes`);
  if (length < ENVELOPE_BYTES + PLAIN_ENTRY || length > MAX_HEADER_BYTES || length + LENGTH_BYTES > fileSize) {
    throw badPack(`gives its header an impossible length (${length} bytes in a file of ${fileSize})`);
  }
  return { offset: fileSize - LENGTH_BYTES - length, length };
}

/** Entries of a whole pack in memory; also checks that the blobs fill the file up to the header. */
export function readPackHeader(pack: Buffer, envelope: Envelope): PackEntry[] {
  if (pack.length < MIN_PACK_BYTES) throw badPack(`has only ${pack.length} bytes`);
  const range = headerRange(pack.length, pack.subarray(pack.length - LENGTH_BYTES));
  const header = envelope.open(pack.subarray(range.offset, range.offset + range.length));
  if (!header) throw badPack('has a damaged header');
  const entries = decodeHeader(header);
  const last = entries.at(-1);
  const end = last ? last.offset + last.length : 0;
  if (end !== range.offset) throw badPack(`has blobs of ${end} bytes where its header starts at ${range.offset}`);
  return entries;
}
