// Opens sealed blobs as repository/blob-reader.ts does, into memory that is used again: a restore writes each plaintext
// and forgets it, and the page faults of fresh buffers cost a tenth of opening them.

import { hash } from 'node:crypto';
import { ENVELOPE_BYTES, type Envelope } from '../crypto/envelope.ts';
import { Decompressor } from '../crypto/zstd.ts';
import type { BlobDamage } from '../repository/blob-reader.ts';

/** The longest chunk restic makes is 8 MiB; longer blobs of other writers get buffers of their own. */
const KEPT_BYTES = (8 << 20) + 64;
const FIRST_BYTES = 1 << 20;

export class BlobOpener {
  readonly #envelope: Envelope;
  readonly #decompressor = new Decompressor();
  #sealed: Buffer = Buffer.alloc(0);
  #plain: Buffer = Buffer.alloc(0);

  constructor(envelope: Envelope) {
    this.#envelope = envelope;
  }

  /** The plaintext, valid until the next call, or what is wrong with the blob. */
  open(sealed: Uint8Array, id: string, uncompressedLength: number | undefined): Buffer | BlobDamage {
    if (sealed.length < ENVELOPE_BYTES) return 'length';
    let plain: Buffer;
    if (uncompressedLength === undefined) {
      this.#plain = atLeast(this.#plain, sealed.length);
      const length = this.#envelope.openInto(this.#plain, sealed);
      if (length < 0) return 'mac';
      plain = this.#plain.subarray(0, length);
    } else {
      this.#sealed = atLeast(this.#sealed, sealed.length);
      const length = this.#envelope.openInto(this.#sealed, sealed);
      if (length < 0) return 'mac';
      this.#plain = atLeast(this.#plain, uncompressedLength + 1);
      // The length decides what may be written, so what is behind it in kept memory must not count.
      const output = this.#plain.subarray(0, uncompressedLength + 1);
      if (!this.#decompressor.decompressInto(this.#sealed.subarray(0, length), output, uncompressedLength)) {
        return 'compression';
      }
      plain = output.subarray(0, uncompressedLength);
    }
    const opened = hash('sha256', plain, 'hex') === id ? plain : 'hash';
    if (this.#plain.length > KEPT_BYTES) this.#plain = Buffer.alloc(0);
    if (this.#sealed.length > KEPT_BYTES) this.#sealed = Buffer.alloc(0);
    return opened;
  }
}

function atLeast(buffer: Buffer, length: number): Buffer {
  if (buffer.length >= length) return buffer;
  return Buffer.allocUnsafeSlow(length > KEPT_BYTES ? length : Math.min(KEPT_BYTES, Math.max(FIRST_BYTES, length * 2)));
}
