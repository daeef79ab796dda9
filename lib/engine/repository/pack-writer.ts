// Seals blobs into packs, in the thread that read them. Every sealed blob is opened again from the pack's memory and
// compared with its plaintext before the pack may leave: a memory error or a codec bug must not reach the repository.
// One instance per kind and thread; data and trees never share a pack.

import { createHash, type Hash } from 'node:crypto';
import { AppError } from '#lib/errors.ts';
import { MAX_CHUNK } from '../chunker/rabin.ts';
import { ENVELOPE_BYTES, type Envelope } from '../crypto/envelope.ts';
import { type Compressor, compressBound, type Decompressor } from '../crypto/zstd.ts';
import { type BlobType, PackEntries, type PackEntry, writeEntry } from '../format/pack.ts';

/** restic's default. A pack is closed when it reaches this, so files run up to it plus one blob. */
export const PACK_TARGET = 16 << 20;
/** Memory of a pack in the making, unless a single blob needs more. */
export const PACK_CAPACITY = PACK_TARGET + MAX_CHUNK + 2 * ENVELOPE_BYTES;
/** Far below the format's limit of 16 MiB for headers, which readers must hold whole. */
const MAX_ENTRIES = 100_000;
const FIRST_ENTRIES_BYTES = 4096;
/** More than any entry takes. */
const MAX_ENTRY_BYTES = 64;
/** The pack's hash is fed in slices of this size: small enough to be in the cache still, large enough to make calls cheap. */
const HASH_SLICE = 256 << 10;

/** From this size on, a sample costs little beside compressing the whole. */
const SAMPLE_FROM = 256 << 10;
const SAMPLE_SLICES = 8;
const SAMPLE_SLICE_BYTES = 4 << 10;
/** A sample that shrinks less than this is of data that was compressed or encrypted before. */
const SAMPLE_RATIO = 0.98;
const sample = Buffer.alloc(SAMPLE_SLICES * SAMPLE_SLICE_BYTES);

/** Judges by slices from all over the blob: most of what does not compress in a backup is uniform (media, archives). */
function isIncompressible(plain: Buffer, compressor: Compressor, scratch: Buffer): boolean {
  const stride = Math.floor((plain.length - SAMPLE_SLICE_BYTES) / (SAMPLE_SLICES - 1));
  for (let i = 0; i < SAMPLE_SLICES; i++) {
    plain.copy(sample, i * SAMPLE_SLICE_BYTES, i * stride, i * stride + SAMPLE_SLICE_BYTES);
  }
  const length = compressor.compressInto(sample, scratch);
  return length === 0 || length > sample.length * SAMPLE_RATIO;
}

/** A pack that is complete but not stored yet. `body` is its first `bodyLength` bytes, `header` the rest. */
export interface SealedPack {
  type: BlobType;
  id: string;
  body: ArrayBuffer;
  bodyLength: number;
  header: Uint8Array<ArrayBuffer>;
  /** Its blobs, for PackEntries. */
  entries: Uint8Array<ArrayBuffer>;
  count: number;
}

/** The start of a pack, for another thread to go on with: leftovers of all threads make one pack. */
export interface PartialPack {
  type: BlobType;
  body: ArrayBuffer;
  bodyLength: number;
  entries: Uint8Array<ArrayBuffer>;
  count: number;
}

export interface PackTools {
  envelope: Envelope;
  compressor: Compressor | undefined;
  decompressor: Decompressor;
  /** Scratch memory shared by all writers of the thread; grown here when a blob needs more. */
  scratch: { compressed: Buffer; opened: Buffer };
}

export class PackWriter {
  readonly #type: BlobType;
  readonly #tools: PackTools;
  readonly #emit: (pack: SealedPack) => void;
  readonly #takeBody: () => ArrayBuffer | undefined;
  #body: Buffer | undefined;
  #length = 0;
  #hashed = 0;
  #hash: Hash = createHash('sha256');
  /** The plaintext of the header so far. */
  #entries = Buffer.alloc(FIRST_ENTRIES_BYTES);
  #entriesLength = 0;
  #count = 0;

  /** `emit` takes a full pack over; `takeBody` gives memory of an earlier one back, if there is any. */
  constructor(
    type: BlobType,
    tools: PackTools,
    emit: (pack: SealedPack) => void,
    takeBody: () => ArrayBuffer | undefined = () => undefined,
  ) {
    this.#type = type;
    this.#tools = tools;
    this.#emit = emit;
    this.#takeBody = takeBody;
  }

  /** Adds a blob; returns the bytes it takes in the repository. `plain` is read before this returns. */
  add(id: string, plain: Buffer): number {
    const compressed = this.#compress(plain);
    const content = compressed ?? plain;
    const body = this.#room(content.length + ENVELOPE_BYTES);
    const offset = this.#length;
    const length = this.#tools.envelope.sealInto(body, offset, content);
    this.#verify(body.subarray(offset, offset + length), plain, compressed !== undefined, id);
    this.#append({ type: this.#type, id, offset, length, uncompressedLength: compressed ? plain.length : undefined });
    return length;
  }

  /**
   * Adds a blob whose content is as it shall be stored: a zstd frame when `uncompressedLength` is given. The caller has
   * verified that it gives the plaintext of this id.
   */
  addContent(id: string, content: Buffer, uncompressedLength?: number): number {
    const body = this.#room(content.length + ENVELOPE_BYTES);
    const offset = this.#length;
    const length = this.#tools.envelope.sealInto(body, offset, content);
    // Compared as it is stored: equal frames give equal plaintexts.
    this.#verify(body.subarray(offset, offset + length), content, false, id);
    this.#append({ type: this.#type, id, offset, length, uncompressedLength });
    return length;
  }

  #append(entry: PackEntry): void {
    if (this.#entriesLength + MAX_ENTRY_BYTES > this.#entries.length) {
      this.#entries = Buffer.concat([this.#entries], this.#entries.length * 2);
    }
    this.#entriesLength = writeEntry(this.#entries, this.#entriesLength, entry);
    this.#count += 1;
    this.#length += entry.length;
    if (this.#length - this.#hashed >= HASH_SLICE) this.#feedHash();
    if (this.#length >= PACK_TARGET || this.#count >= MAX_ENTRIES) this.flush();
  }

  #feedHash(): void {
    this.#hash.update((this.#body as Buffer).subarray(this.#hashed, this.#length));
    this.#hashed = this.#length;
  }

  #compress(plain: Buffer): Buffer | undefined {
    const { compressor, scratch } = this.#tools;
    // An empty blob cannot be marked as compressed.
    if (!compressor || plain.length === 0) return undefined;
    const bound = compressBound(plain.length) + 1;
    if (scratch.compressed.length < bound) scratch.compressed = Buffer.allocUnsafeSlow(bound);
    if (plain.length >= SAMPLE_FROM && isIncompressible(plain, compressor, scratch.compressed)) return undefined;
    const length = compressor.compressInto(plain, scratch.compressed);
    // Trees are compressed even where that makes them longer, as restic does: its prune carries every pack over that holds
    // an uncompressed tree, and the tree of an empty folder would be one.
    if (length === 0 || (length >= plain.length && this.#type === 'data')) return undefined;
    return scratch.compressed.subarray(0, length);
  }

  #room(bytes: number): Buffer {
    if (this.#body && this.#body.length - this.#length < bytes) this.flush();
    if (!this.#body) {
      // A blob larger than any chunk, the tree of a very large folder, gets memory of its own.
      const memory =
        bytes > PACK_CAPACITY ? new ArrayBuffer(bytes) : (this.#takeBody() ?? new ArrayBuffer(PACK_CAPACITY));
      this.#body = Buffer.from(memory);
    }
    return this.#body;
  }

  #verify(sealed: Buffer, plain: Buffer, compressed: boolean, id: string): void {
    const { scratch, envelope, decompressor } = this.#tools;
    const needed = sealed.length;
    if (scratch.opened.length < Math.max(needed, plain.length + 1)) {
      scratch.opened = Buffer.allocUnsafeSlow(Math.max(needed, plain.length + 1));
    }
    let same = false;
    if (!compressed) {
      const length = envelope.openInto(scratch.opened, sealed);
      same = length === plain.length && scratch.opened.subarray(0, length).equals(plain);
    } else {
      // The compressed copy has served: its memory takes the decrypted bytes.
      const length = envelope.openInto(scratch.compressed, sealed);
      same =
        length >= 0 &&
        decompressor.decompressInto(scratch.compressed.subarray(0, length), scratch.opened, plain.length) &&
        scratch.opened.subarray(0, plain.length).equals(plain);
    }
    if (!same) {
      throw new AppError('internal', {
        message: `The blob ${id} could not be read back after it was sealed; the work stopped before storing it.`,
        hint: "Test this machine's memory. Nothing wrong was written.",
      });
    }
  }

  /** Closes the pack in hand and emits it. Nothing happens when it is empty. */
  flush(): void {
    if (!this.#body || this.#count === 0) return;
    this.#feedHash();
    const entries = this.#takeEntries();
    const sealed = this.#tools.envelope.seal(entries);
    if (!this.#tools.envelope.open(sealed)?.equals(entries)) {
      throw new AppError('internal', 'A pack header could not be read back after it was sealed.');
    }
    const header = new Uint8Array(sealed.length + 4);
    header.set(sealed);
    new DataView(header.buffer).setUint32(sealed.length, sealed.length, true);
    const id = this.#hash.update(header).digest('hex');
    const pack: SealedPack = {
      type: this.#type,
      id,
      body: this.#body.buffer as ArrayBuffer,
      bodyLength: this.#length,
      header,
      entries,
      count: this.#count,
    };
    this.#reset();
    this.#emit(pack);
  }

  #reset(): void {
    this.#body = undefined;
    this.#entriesLength = 0;
    this.#count = 0;
    this.#length = 0;
    this.#hashed = 0;
    this.#hash = createHash('sha256');
  }

  #takeEntries(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#entries.subarray(0, this.#entriesLength));
  }

  /** The pack in hand, given away for another thread's writer to adopt(). */
  takePartial(): PartialPack | undefined {
    if (!this.#body || this.#count === 0) return undefined;
    const partial: PartialPack = {
      type: this.#type,
      body: this.#body.buffer as ArrayBuffer,
      bodyLength: this.#length,
      entries: this.#takeEntries(),
      count: this.#count,
    };
    this.#reset();
    return partial;
  }

  /** Copies the blobs of another thread's unfinished pack, as sealed there. */
  adopt(partial: PartialPack): void {
    const bytes = Buffer.from(partial.body, 0, partial.bodyLength);
    for (const blob of new PackEntries(partial.entries, partial.count)) {
      const body = this.#room(blob.length);
      const offset = this.#length;
      bytes.copy(body, offset, blob.offset, blob.offset + blob.length);
      this.#append({ ...blob, offset });
    }
  }
}
