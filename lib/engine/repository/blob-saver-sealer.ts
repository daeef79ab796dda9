// The work of a BlobSaver on its blobs, in whichever thread: plaintext is hashed, compressed and sealed; a blob sealed
// elsewhere is opened, verified against its id and sealed anew, its compressed content kept as it is.

import { hash } from 'node:crypto';
import { AppError } from '#lib/errors.ts';
import { ENVELOPE_BYTES, Envelope } from '../crypto/envelope.ts';
import { Compressor, Decompressor } from '../crypto/zstd.ts';
import type { BlobType } from '../format/pack.ts';
import { type PackTools, PackWriter, type PartialPack, type SealedPack } from './pack-writer.ts';

export interface SealerOptions {
  masterKey: Uint8Array;
  /** zstd levels, 0 for none. Trees are compressed unless the repository's format cannot. */
  dataLevel: number;
  treeLevel: number;
}

/** Blobs one after another in `bytes`. */
export interface BlobBatch {
  bytes: Uint8Array<ArrayBuffer>;
  blobs: { type: BlobType; id: string; length: number; uncompressedLength?: number }[];
  /** Key of the repository the blobs were sealed in; undefined when they are plaintext. */
  sealedWith: Uint8Array | undefined;
}

export interface BatchResult {
  /** Bytes the blobs take in their packs. */
  storedBytes: number;
  /** Places in the batch of blobs that cannot be opened or are not what their id says. */
  damaged: number[];
}

export class BlobSealer {
  readonly #writers: Record<BlobType, PackWriter>;
  readonly #decompressor = new Decompressor();
  readonly #compresses: boolean;
  #source: { key: Uint8Array; envelope: Envelope } | undefined;
  #content: Buffer = Buffer.alloc(0);
  #plain: Buffer = Buffer.alloc(0);

  /** `emit` takes full packs over; `takeBody` gives memory of an earlier one back, if there is any. */
  constructor(options: SealerOptions, emit: (pack: SealedPack) => void, takeBody?: () => ArrayBuffer | undefined) {
    const envelope = new Envelope(options.masterKey);
    const scratch = { compressed: Buffer.alloc(0), opened: Buffer.alloc(0) };
    const tools = (level: number): PackTools => ({
      envelope,
      compressor: level > 0 ? new Compressor(level) : undefined,
      decompressor: this.#decompressor,
      scratch,
    });
    this.#compresses = options.treeLevel > 0;
    this.#writers = {
      data: new PackWriter('data', tools(options.dataLevel), emit, takeBody),
      tree: new PackWriter('tree', tools(options.treeLevel), emit, takeBody),
    };
  }

  add({ bytes, blobs, sealedWith }: BlobBatch): BatchResult {
    const result: BatchResult = { storedBytes: 0, damaged: [] };
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (const [place, { type, id, length, uncompressedLength }] of blobs.entries()) {
      const content = all.subarray(at, at + length);
      at += length;
      const stored = sealedWith
        ? this.#addSealed(sealedWith, type, id, content, uncompressedLength)
        : this.#addPlain(type, id, content);
      if (stored === undefined) result.damaged.push(place);
      else result.storedBytes += stored;
    }
    return result;
  }

  #addPlain(type: BlobType, id: string, plain: Buffer): number {
    if (hash('sha256', plain, 'hex') !== id) {
      throw new AppError('internal', {
        message: `The ${type} blob ${id} does not have the content its id stands for; it is not stored.`,
        hint: "Test this machine's memory. Nothing wrong was written.",
      });
    }
    return this.#writers[type].add(id, plain);
  }

  #addSealed(
    key: Uint8Array,
    type: BlobType,
    id: string,
    sealed: Buffer,
    uncompressedLength: number | undefined,
  ): number | undefined {
    if (sealed.length < ENVELOPE_BYTES) return undefined;
    this.#content = roomy(this.#content, sealed.length);
    const length = this.#envelopeFor(key).openInto(this.#content, sealed);
    if (length < 0) return undefined;
    const content = this.#content.subarray(0, length);
    if (uncompressedLength === undefined) {
      // Not compressed there: by an older format, on request, or in vain. Trying again is what a new backup would do.
      return hash('sha256', content, 'hex') === id ? this.#writers[type].add(id, content) : undefined;
    }
    this.#plain = roomy(this.#plain, uncompressedLength + 1);
    if (!this.#decompressor.decompressInto(content, this.#plain, uncompressedLength)) return undefined;
    const plain = this.#plain.subarray(0, uncompressedLength);
    if (hash('sha256', plain, 'hex') !== id) return undefined;
    const writer = this.#writers[type];
    return this.#compresses ? writer.addContent(id, content, uncompressedLength) : writer.add(id, plain);
  }

  #envelopeFor(key: Uint8Array): Envelope {
    if (!this.#source || Buffer.compare(this.#source.key, key) !== 0) {
      this.#source = { key, envelope: new Envelope(key) };
    }
    return this.#source.envelope;
  }

  /** The packs in hand, for another sealer's finish(). */
  takePartials(): PartialPack[] {
    return [this.#writers.data.takePartial(), this.#writers.tree.takePartial()].filter((partial) => !!partial);
  }

  /** Takes over the unfinished packs of other sealers and closes the packs in hand. */
  finish(partials: readonly PartialPack[]): void {
    for (const partial of partials) this.#writers[partial.type].adopt(partial);
    this.#writers.data.flush();
    this.#writers.tree.flush();
  }
}

function roomy(buffer: Buffer, length: number): Buffer {
  return buffer.length >= length ? buffer : Buffer.allocUnsafeSlow(length);
}
