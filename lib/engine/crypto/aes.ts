// AES for the envelope, through the OpenSSL that Node carries (and exports, for add-ons), called with kept contexts and
// straight into the caller's memory. node:crypto makes a new object for each message and a new buffer for each result: for
// 4 KiB that costs 26 µs, this 1.4; for 1 MiB 0.59 ms, this 0.19 (docs/decisions/006-openssl-by-ffi.md).
//
// Where the symbols cannot be reached, or do not do what they should, node:crypto does the work: see aes-node.ts.

import { createCipheriv, randomBytes } from 'node:crypto';
import koffi from 'koffi';
import { nodeAes } from './aes-node.ts';

export interface Aes {
  /** AES-256-CTR from a 16-byte counter: the same for encrypting and decrypting. `output` is as long and does not overlap. */
  ctr(iv: Uint8Array, input: Uint8Array, output: Uint8Array): void;
  /** AES-128 of whole blocks, each by itself. */
  blocks(input: Uint8Array, output: Uint8Array): void;
}

interface OpenSsl {
  newContext(): unknown;
  freeContext(context: unknown): void;
  init(context: unknown, cipher: unknown, key: Uint8Array | null, iv: Uint8Array | null): number;
  update(context: unknown, output: Uint8Array, length: Uint8Array, input: Uint8Array, bytes: number): number;
  noPadding(context: unknown): void;
  ctr256: unknown;
  ecb128: unknown;
}

let found: OpenSsl | undefined | 'unknown' = 'unknown';

function openSsl(): OpenSsl | undefined {
  if (found === 'unknown') {
    found = bind();
    if (found && !isRight(found)) found = undefined;
  }
  return found;
}

function bind(): OpenSsl | undefined {
  try {
    const library = koffi.load(null);
    const init = library.func('int EVP_EncryptInit_ex(void *, void *, void *, const uint8_t *, const uint8_t *)');
    const setPadding = library.func('int EVP_CIPHER_CTX_set_padding(void *, int)');
    return {
      newContext: library.func('void *EVP_CIPHER_CTX_new()'),
      freeContext: library.func('void EVP_CIPHER_CTX_free(void *)'),
      init: (context, cipher, key, iv) => init(context, cipher, null, key, iv),
      update: library.func('int EVP_EncryptUpdate(void *, uint8_t *, uint8_t *, const uint8_t *, int)'),
      noPadding: (context) => setPadding(context, 0),
      ctr256: library.func('void *EVP_aes_256_ctr()')(),
      ecb128: library.func('void *EVP_aes_128_ecb()')(),
    };
  } catch {
    // No prebuilt koffi for this processor, or a Node that does not export its OpenSSL.
    return undefined;
  }
}

/** Asked once: what it encrypts must be what node:crypto decrypts. */
function isRight(library: OpenSsl): boolean {
  const [key256, key128, iv, plain] = [randomBytes(32), randomBytes(16), randomBytes(16), randomBytes(4099)];
  const output = Buffer.alloc(plain.length);
  const block = Buffer.alloc(16);
  const aes = new OpenSslAes(library, key256, key128);
  aes.ctr(iv, plain, output);
  aes.blocks(iv, block);
  const expected = createCipheriv('aes-256-ctr', key256, iv).update(plain);
  const expectedBlock = createCipheriv('aes-128-ecb', key128, null).setAutoPadding(false).update(iv);
  return output.equals(expected) && block.equals(expectedBlock);
}

/** Contexts lie outside of V8's memory: they go when their owner is collected. */
const contexts = new FinalizationRegistry<unknown[]>((owned) => {
  for (const context of owned) openSsl()?.freeContext(context);
});

class OpenSslAes implements Aes {
  readonly #library: OpenSsl;
  readonly #ctr: unknown;
  readonly #ecb: unknown;
  readonly #length = Buffer.alloc(4);

  constructor(library: OpenSsl, key256: Uint8Array, key128: Uint8Array) {
    this.#library = library;
    this.#ctr = library.newContext();
    this.#ecb = library.newContext();
    contexts.register(this, [this.#ctr, this.#ecb]);
    library.init(this.#ctr, library.ctr256, key256, null);
    library.init(this.#ecb, library.ecb128, key128, null);
    library.noPadding(this.#ecb);
  }

  ctr(iv: Uint8Array, input: Uint8Array, output: Uint8Array): void {
    if (this.#library.init(this.#ctr, null, null, iv) !== 1) throw new Error('OpenSSL refused an IV');
    this.#update(this.#ctr, input, output);
  }

  blocks(input: Uint8Array, output: Uint8Array): void {
    this.#update(this.#ecb, input, output);
  }

  #update(context: unknown, input: Uint8Array, output: Uint8Array): void {
    if (output.length < input.length) throw new RangeError('the output is shorter than the input');
    if (input.length === 0) return;
    const done = this.#library.update(context, output, this.#length, input, input.length);
    if (done !== 1 || this.#length.readInt32LE() !== input.length) throw new Error('OpenSSL did not encrypt');
  }
}

export function openAes(key256: Uint8Array, key128: Uint8Array): Aes {
  const library = openSsl();
  return library ? new OpenSslAes(library, key256, key128) : nodeAes(key256, key128);
}
