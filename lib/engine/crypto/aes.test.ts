import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openAes } from './aes.ts';
import { nodeAes } from './aes-node.ts';

describe.each([
  ['of OpenSSL', openAes],
  ['of node:crypto', nodeAes],
])('AES %s', (_, open) => {
  const [key256, key128] = [randomBytes(32), randomBytes(16)];
  const aes = open(key256, key128);

  test.each([0, 1, 15, 16, 17, 4096, 65_536, 65_537, 8 << 20])('CTR of %i bytes', (length) => {
    const plain = randomBytes(length);
    // A counter that overflows its low bytes.
    const iv = Buffer.from(`${'00'.repeat(8)}${'ff'.repeat(7)}fe`, 'hex');
    const output = Buffer.alloc(length + 1, 7);
    aes.ctr(iv, plain, output.subarray(0, length));
    expect(output.subarray(0, length).equals(createCipheriv('aes-256-ctr', key256, iv).update(plain))).toBe(true);
    expect(output[length]).toBe(7);
    aes.ctr(iv, output.subarray(0, length), Buffer.alloc(length));
  });

  test('blocks of AES-128, as FIPS 197 gives them', () => {
    const fips = open(randomBytes(32), Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'));
    const output = Buffer.alloc(32);
    const block = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    fips.blocks(Buffer.concat([block, block]), output);
    expect(output.toString('hex')).toBe('69c4e0d86a7b0430d8cdb78070b4c55a'.repeat(2));
  });
});

test('the OpenSSL that Node carries is reached on this machine', () => {
  expect(openAes(randomBytes(32), randomBytes(16)).constructor.name).toBe('OpenSslAes');
});
