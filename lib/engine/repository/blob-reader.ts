// Opening sealed blobs. Every blob is authenticated, decompressed within the length the index recorded, and its SHA-256
// compared with its id: the envelope alone binds a blob neither to its id nor to its type.

import { hash } from 'node:crypto';
import { ENVELOPE_BYTES, type Envelope } from '../crypto/envelope.ts';
import { Decompressor } from '../crypto/zstd.ts';
import type { BlobType } from '../format/pack.ts';

export interface SealedBlob {
  type: BlobType;
  id: string;
  /** Before compression; undefined when the blob is stored as it is. */
  uncompressedLength?: number;
}

/** Why a blob cannot be used. */
export type BlobDamage = 'mac' | 'compression' | 'length' | 'hash';

/** Kept between calls; a blob above this size gets a buffer of its own. */
const SCRATCH_BYTES = 1 << 20;

/** Not reentrant and bound to one thread. */
export class BlobReader {
  readonly envelope: Envelope;
  readonly #decompressor = new Decompressor();
  #scratch: Buffer | undefined;

  constructor(envelope: Envelope) {
    this.envelope = envelope;
  }

  /** The plaintext in a buffer of its own, or what is wrong with the blob. */
  open(sealed: Uint8Array, blob: SealedBlob): Buffer | BlobDamage {
    if (sealed.length < ENVELOPE_BYTES) return 'length';
    let plain: Buffer;
    if (blob.uncompressedLength === undefined) {
      const opened = this.envelope.open(sealed);
      if (!opened) return 'mac';
      plain = opened;
    } else {
      const scratch = this.#scratchFor(sealed.length);
      const length = this.envelope.openInto(scratch, sealed);
      if (length < 0) return 'mac';
      const output = Buffer.allocUnsafeSlow(blob.uncompressedLength + 1);
      if (!this.#decompressor.decompressInto(scratch.subarray(0, length), output, blob.uncompressedLength)) {
        return 'compression';
      }
      plain = output.subarray(0, blob.uncompressedLength);
    }
    return hash('sha256', plain, 'hex') === blob.id ? plain : 'hash';
  }

  #scratchFor(length: number): Buffer {
    if (length > SCRATCH_BYTES) return Buffer.allocUnsafeSlow(length);
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch;
  }

  close(): void {
    this.#decompressor.close();
  }
}

const DAMAGE_TEXT: Record<BlobDamage, string> = {
  mac: 'its authentication code does not match',
  compression: 'it does not decompress to the recorded length',
  length: 'it is too short',
  hash: 'its content does not match its id',
};

export function damageText(damage: BlobDamage): string {
  return DAMAGE_TEXT[damage];
}
