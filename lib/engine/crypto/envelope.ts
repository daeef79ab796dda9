// restic's envelope: IV(16) ‖ AES-256-CTR ciphertext ‖ Poly1305-AES MAC(16) (restic, internal/crypto; D. J. Bernstein,
// "The Poly1305-AES message-authentication code"). The IV is both the counter's start and the MAC's nonce. The MAC covers
// the ciphertext only, nothing binds it to a name or type: whoever opens a message checks the SHA-256 id afterwards.

import { randomFillSync } from 'node:crypto';
import sodium from 'sodium-native';
import { AppError } from '#lib/errors.ts';
import { type Aes, openAes } from './aes.ts';

export const IV_BYTES = 16;
export const MAC_BYTES = 16;
/** Bytes an envelope is longer than what it holds. */
export const ENVELOPE_BYTES = IV_BYTES + MAC_BYTES;

/** Raw key material: AES-256 key (32), AES-128 key of the MAC (16), Poly1305 r (16), in this order, as scrypt gives it. */
export const KEY_BYTES = 64;

const IV_POOL_BYTES = 64 << 10;

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

export class Envelope {
  readonly #aes: Aes;
  /** r ‖ AES-128(k, IV), the one-time key. */
  readonly #oneTimeKey = Buffer.alloc(32);
  readonly #mac = Buffer.alloc(MAC_BYTES);
  readonly #block = Buffer.alloc(MAC_BYTES);
  readonly #ivPool = Buffer.alloc(IV_POOL_BYTES);
  /** AES-128(k, IV) of every IV in the pool, made in one call. */
  readonly #ivPoolKeys = Buffer.alloc(IV_POOL_BYTES);
  #ivNext = IV_POOL_BYTES;

  /** Copies what it needs from `key`. Not reentrant, as nothing here is asynchronous. */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${key.length}`);
    const encrypt = key.subarray(0, 32);
    const macKey = key.subarray(32, 48);
    const r = key.subarray(48, 64);
    if (isZero(encrypt) || isZero(macKey) || isZero(r)) {
      throw new AppError(
        'repository-damaged',
        'A key of the repository is all zero bytes; nothing may be encrypted with it.',
      );
    }
    this.#aes = openAes(encrypt, macKey);
    this.#oneTimeKey.set(r, 0);
  }

  /** Writes the envelope of `plain` to `output` at `offset`; returns its length. `plain` must not overlap there. */
  sealInto(output: Buffer, offset: number, plain: Uint8Array): number {
    const iv = output.subarray(offset, offset + IV_BYTES);
    const oneTimeKey = this.#nextIv(iv);
    const bodyStart = offset + IV_BYTES;
    const bodyEnd = bodyStart + plain.length;
    if (bodyEnd + MAC_BYTES > output.length) throw new RangeError('the envelope does not fit');
    const body = output.subarray(bodyStart, bodyEnd);
    this.#aes.ctr(iv, plain, body);
    this.#authenticate(output.subarray(bodyEnd, bodyEnd + MAC_BYTES), oneTimeKey, body);
    return plain.length + ENVELOPE_BYTES;
  }

  seal(plain: Uint8Array): Buffer {
    const message = Buffer.allocUnsafeSlow(plain.length + ENVELOPE_BYTES);
    this.sealInto(message, 0, plain);
    return message;
  }

  /** Verifies, then decrypts to the start of `output`; returns the length, or -1 when the message is not authentic. */
  openInto(output: Buffer, message: Uint8Array): number {
    if (message.length < ENVELOPE_BYTES) return -1;
    const iv = message.subarray(0, IV_BYTES);
    const body = message.subarray(IV_BYTES, message.length - MAC_BYTES);
    if (isZero(iv)) return -1;
    this.#aes.blocks(iv, this.#block);
    this.#authenticate(this.#mac, this.#block, body);
    if (!sodium.sodium_memcmp(this.#mac, asBuffer(message.subarray(message.length - MAC_BYTES)))) return -1;
    this.#aes.ctr(iv, body, output.subarray(0, body.length));
    return body.length;
  }

  /** The content of an envelope, or undefined when it is not authentic: damaged, or sealed under another key. */
  open(message: Uint8Array): Buffer | undefined {
    const output = Buffer.allocUnsafeSlow(Math.max(0, message.length - ENVELOPE_BYTES));
    return this.openInto(output, message) < 0 ? undefined : output;
  }

  /** Writes a fresh IV; returns AES-128(k, IV), valid until the next call. */
  #nextIv(output: Buffer): Buffer {
    if (this.#ivNext === IV_POOL_BYTES) {
      randomFillSync(this.#ivPool);
      this.#aes.blocks(this.#ivPool, this.#ivPoolKeys);
      this.#ivNext = 0;
    }
    const at = this.#ivNext;
    this.#ivNext += IV_BYTES;
    this.#ivPool.copy(output, 0, at, at + IV_BYTES);
    return this.#ivPoolKeys.subarray(at, at + IV_BYTES);
  }

  #authenticate(mac: Buffer, oneTimeKey: Uint8Array, body: Uint8Array): void {
    this.#oneTimeKey.set(oneTimeKey, 16);
    sodium.crypto_onetimeauth(mac, asBuffer(body), this.#oneTimeKey);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
