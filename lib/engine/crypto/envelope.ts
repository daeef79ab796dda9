// restic's envelope: IV(16) ‖ AES-256-CTR ciphertext ‖ Poly1305-AES MAC(16) (restic, internal/crypto; D. J. Bernstein,
// "The Poly1305-AES message-authentication code"). The IV is both the counter's start and the MAC's nonce. The MAC covers
// the ciphertext only, nothing binds it to a name or type: whoever opens a message checks the SHA-256 id afterwards.

import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import sodium from 'sodium-native';
import { AppError } from '#lib/errors.ts';

export const IV_BYTES = 16;
export const MAC_BYTES = 16;
/** Bytes an envelope is longer than what it holds. */
export const ENVELOPE_BYTES = IV_BYTES + MAC_BYTES;

/** Raw key material: AES-256 key (32), AES-128 key of the MAC (16), Poly1305 r (16), in this order, as scrypt gives it. */
export const KEY_BYTES = 64;

/** Below this a cipher object costs more (4 to 11 µs) than making the key stream with a kept AES-ECB object and XOR. */
const KEY_STREAM_MAX = 2048;
/** Ciphers return fresh buffers; slices of this size stay in the cache and are cheap to allocate. */
const CIPHER_SLICE = 64 << 10;
const IV_POOL_BYTES = 64 << 10;

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

export class Envelope {
  readonly #encryptKey: KeyObject;
  readonly #keyStream: Cipheriv;
  readonly #macCipher: Cipheriv;
  /** r ‖ AES-128(k, IV), the one-time key. */
  readonly #oneTimeKey = Buffer.alloc(32);
  readonly #counters = Buffer.alloc(KEY_STREAM_MAX);
  readonly #mac = Buffer.alloc(MAC_BYTES);
  readonly #ivPool = Buffer.alloc(IV_POOL_BYTES);
  /** AES-128(k, IV) of every IV in the pool, made in one call. */
  #ivPoolKeys: Buffer = Buffer.alloc(0);
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
    this.#encryptKey = createSecretKey(encrypt);
    this.#keyStream = createCipheriv('aes-256-ecb', this.#encryptKey, null).setAutoPadding(false);
    this.#macCipher = createCipheriv('aes-128-ecb', createSecretKey(macKey), null).setAutoPadding(false);
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
    this.#apply(iv, plain, body, createCipheriv);
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
    this.#authenticate(this.#mac, this.#macCipher.update(iv), body);
    if (!sodium.sodium_memcmp(this.#mac, asBuffer(message.subarray(message.length - MAC_BYTES)))) return -1;
    this.#apply(iv, body, output.subarray(0, body.length), createDecipheriv);
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
      this.#ivPoolKeys = this.#macCipher.update(this.#ivPool);
      this.#ivNext = 0;
    }
    const at = this.#ivNext;
    this.#ivNext += IV_BYTES;
    this.#ivPool.copy(output, 0, at, at + IV_BYTES);
    return this.#ivPoolKeys.subarray(at, at + IV_BYTES);
  }

  #apply(iv: Uint8Array, input: Uint8Array, output: Buffer, create: typeof createCipheriv | typeof createDecipheriv) {
    if (input.length <= KEY_STREAM_MAX) {
      const stream = this.#keyStreamFor(iv, input.length);
      for (let i = 0; i < input.length; i++) output[i] = (input[i] as number) ^ (stream[i] as number);
      return;
    }
    // A stream cipher holds nothing back: final() would only cost a call.
    const cipher = create('aes-256-ctr', this.#encryptKey, iv);
    for (let at = 0; at < input.length; at += CIPHER_SLICE) {
      output.set(cipher.update(input.subarray(at, at + CIPHER_SLICE)), at);
    }
  }

  /** CTR key stream: the encrypted counter blocks, a 128-bit big-endian counter that starts at the IV. */
  #keyStreamFor(iv: Uint8Array, length: number): Buffer {
    const blocks = (length + IV_BYTES - 1) >> 4;
    const counters = this.#counters;
    counters.set(iv, 0);
    for (let block = 1; block < blocks; block++) {
      const at = block * IV_BYTES;
      counters.copyWithin(at, at - IV_BYTES, at);
      for (let i = at + IV_BYTES - 1; i >= at; i--) {
        const byte = ((counters[i] as number) + 1) & 0xff;
        counters[i] = byte;
        if (byte !== 0) break;
      }
    }
    return this.#keyStream.update(counters.subarray(0, blocks * IV_BYTES));
  }

  #authenticate(mac: Buffer, oneTimeKey: Uint8Array, body: Uint8Array): void {
    this.#oneTimeKey.set(oneTimeKey, 16);
    sodium.crypto_onetimeauth(mac, asBuffer(body), this.#oneTimeKey);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
