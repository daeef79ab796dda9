// AES through node:crypto, for where aes.ts cannot reach OpenSSL. The same results, three to twenty times as slow.

import { createCipheriv, createSecretKey } from 'node:crypto';
import type { Aes } from './aes.ts';

/** Ciphers return fresh buffers; slices of this size stay in the cache and are cheap to allocate. */
const SLICE = 64 << 10;

export function nodeAes(key256: Uint8Array, key128: Uint8Array): Aes {
  const key = createSecretKey(key256);
  const ecb = createCipheriv('aes-128-ecb', createSecretKey(key128), null).setAutoPadding(false);
  return {
    ctr(iv, input, output) {
      // A stream cipher holds nothing back: final() would only cost a call.
      const cipher = createCipheriv('aes-256-ctr', key, iv);
      for (let at = 0; at < input.length; at += SLICE) output.set(cipher.update(input.subarray(at, at + SLICE)), at);
    },
    blocks: (input, output) => output.set(ecb.update(input)),
  };
}
