import { createCipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isAppError } from '#lib/errors.ts';
import { ENVELOPE_BYTES, Envelope, KEY_BYTES } from './envelope.ts';
import { checkKdf, deriveKey } from './kdf.ts';
import { Compressor, compressBound, compressOnce, Decompressor, decompressOnce } from './zstd.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Test vectors of Bernstein's Poly1305-AES paper, appendix B: k, r, nonce n, message, tag. */
const POLY1305_AES = [
  {
    k: 'ec074c835580741701425b623235add6',
    r: '851fc40c3467ac0be05cc20404f3f700',
    n: 'fb447350c4e868c52ac3275cf9d4327e',
    m: 'f3f6',
    tag: 'f4c633c3044fc145f84f335cb81953de',
  },
  {
    k: '75deaa25c09f208e1dc4ce6b5cad3fbf',
    r: 'a0f3080000f46400d0c7e9076c834403',
    n: '61ee09218d29b0aaed7e154a2c5509cc',
    m: '',
    tag: 'dd3fab2251f11ac759f0887129cc2ee7',
  },
  {
    k: '6acb5f61a7176dd320c5c1eb2edcdc74',
    r: '48443d0bb0d21109c89a100b5ce2c208',
    n: 'ae212a55399729595dea458bc621ff0e',
    m: '663cea190ffb83d89593f3f476b6bc24d7e679107ea26adb8caf6652d0656136',
    tag: '0ee1c16bb73f0f4fd19881753c01cdbe',
  },
  {
    k: 'e1a5668a4d5b66a5f68cc5424ed5982d',
    r: '12976a08c4426d0ce8a82407c4f48207',
    n: '9ae831e743978d3a23527c7128149e3a',
    m: 'ab0812724a7f1e342742cbed374d94d136c6b8795d45b3819830f2c04491faf0990c62e48b8018b2c3e4a0fa3134cb67fa83e158c994d961c4cb21095c1bf9',
    tag: '5154ad0d2cb26e01274fc51148491f1b',
  },
];

/** The envelope whose ciphertext is `m` under these keys: its plaintext is what AES-CTR makes of `m`. */
describe('envelope', () => {
  test.each(POLY1305_AES)('accepts the authentication code of vector $tag and no other', ({ k, r, n, m, tag }) => {
    const encryptKey = randomBytes(32);
    const envelope = new Envelope(Buffer.concat([encryptKey, hex(k), hex(r)]));
    const message = Buffer.concat([hex(n), hex(m), hex(tag)]);
    const plain = createCipheriv('aes-256-ctr', encryptKey, hex(n)).update(hex(m));
    expect(envelope.open(message)?.equals(plain)).toBe(true);
    for (let bit = 0; bit < message.length * 8; bit += 7) {
      const wrong = Buffer.from(message);
      wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(envelope.open(wrong)).toBeUndefined();
    }
  });

  test.each([0, 1, 15, 16, 17, 2047, 2048, 2049, 65_536, 65_537, 1_000_003])(
    '%i bytes come back, and are encrypted as AES-256-CTR from the IV on',
    (length) => {
      const key = randomBytes(KEY_BYTES);
      const envelope = new Envelope(key);
      const plain = randomBytes(length);
      const sealed = envelope.seal(plain);
      expect(sealed.length).toBe(length + ENVELOPE_BYTES);
      const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), sealed.subarray(0, 16));
      expect(sealed.subarray(16, -16).equals(cipher.update(plain))).toBe(true);
      expect(envelope.open(sealed)?.equals(plain)).toBe(true);
    },
  );

  test('the counter carries over all 128 bits', () => {
    const key = randomBytes(KEY_BYTES);
    const iv = Buffer.alloc(16, 0xff);
    const plain = Buffer.alloc(100, 3);
    const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), iv).update(plain);
    // Seal with our own IV is not possible; opening runs the same key stream.
    const envelope = new Envelope(key);
    const sealed = Buffer.concat([iv, cipher, Buffer.alloc(16)]);
    const opened = Buffer.alloc(100);
    expect(envelope.openInto(opened, sealed)).toBe(-1);
    const mac = macOf(key, iv, cipher);
    expect(envelope.openInto(opened, Buffer.concat([iv, cipher, mac]))).toBe(100);
    expect(opened.equals(plain)).toBe(true);
  });

  test('IVs do not repeat across the refill of their pool', () => {
    const envelope = new Envelope(randomBytes(KEY_BYTES));
    const seen = new Set<string>();
    for (let i = 0; i < 10_000; i++) seen.add(envelope.seal(Buffer.alloc(0)).subarray(0, 16).toString('hex'));
    expect(seen.size).toBe(10_000);
  });

  test('messages that are too short or have a zero IV are refused', () => {
    const envelope = new Envelope(randomBytes(KEY_BYTES));
    for (const length of [0, 1, 31]) expect(envelope.open(Buffer.alloc(length, 1))).toBeUndefined();
    expect(envelope.open(Buffer.alloc(64))).toBeUndefined();
  });

  test('keys with a part of zeros are refused', () => {
    for (const [from, to] of [
      [0, 32],
      [32, 48],
      [48, 64],
    ]) {
      const key = randomBytes(KEY_BYTES).fill(0, from, to);
      expect(() => new Envelope(key)).toThrow(/all zero/);
    }
  });
});

/** Poly1305 in BigInt, from the definition (Bernstein, section 2). */
function macOf(key: Buffer, nonce: Buffer, message: Buffer): Buffer {
  const little = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const r = little(key.subarray(48, 64)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const block = createCipheriv('aes-128-ecb', key.subarray(32, 48), null).setAutoPadding(false).update(nonce);
  const prime = (1n << 130n) - 5n;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const part = message.subarray(at, at + 16);
    sum = ((sum + little(part) + (1n << BigInt(8 * part.length))) * r) % prime;
  }
  const tag = (sum + little(block)) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}

describe('scrypt', () => {
  test('gives the vector of RFC 7914', async () => {
    const key = await deriveKey('password', Buffer.from('NaCl'), { N: 1024, r: 8, p: 16 });
    expect(key.toString('hex')).toBe(
      'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162' +
        '2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    );
  });

  test('parameters that cannot be, or would exhaust the machine, are refused', () => {
    const good = { N: 32_768, r: 8, p: 1 };
    expect(checkKdf(good)).toBeUndefined();
    for (const change of [
      { N: 1000 },
      { N: 0 },
      { r: 1.5 },
      { p: -1 },
      { N: 2 ** 30 },
      { p: 2 ** 20 },
      { r: Number.NaN },
    ]) {
      expect(checkKdf({ ...good, ...change })).toMatch(/scrypt/);
    }
  });
});

describe('zstd', () => {
  const samples = [
    Buffer.alloc(1),
    Buffer.from('hello hello hello hello'),
    Buffer.alloc(200_000, 'abc'),
    randomBytes(5000),
    Buffer.alloc(3 << 20, 'The quick brown fox. '),
    randomBytes(1 << 20),
  ];

  test('a kept context makes frames that stand alone, whatever came before', () => {
    const compressor = new Compressor(3);
    const decompressor = new Decompressor();
    for (const plain of [...samples, ...samples.toReversed()]) {
      const frame = Buffer.alloc(compressBound(plain.length) + 1);
      const length = compressor.compressInto(plain, frame);
      expect(length).toBeGreaterThan(0);
      expect(decompressOnce(frame.subarray(0, length), plain.length).equals(plain)).toBe(true);
      const back = Buffer.alloc(plain.length + 1);
      expect(decompressor.decompressInto(frame.subarray(0, length), back, plain.length)).toBe(true);
      expect(back.subarray(0, plain.length).equals(plain)).toBe(true);
    }
  });

  test('a frame that does not fit gives 0, and the next one is right again', () => {
    const compressor = new Compressor(3);
    expect(compressor.compressInto(randomBytes(10_000), Buffer.alloc(100))).toBe(0);
    const frame = Buffer.alloc(200);
    const length = compressor.compressInto(Buffer.from('small'), frame);
    expect(decompressOnce(frame.subarray(0, length), 10).toString()).toBe('small');
  });

  test('a frame that is longer, shorter, cut off, damaged or followed by rubbish is refused, and the next one is not', () => {
    const plain = Buffer.alloc(50_000, 'words and words. ');
    const frame = compressOnce(plain);
    const decompressor = new Decompressor();
    const output = Buffer.alloc(60_000);
    const good = () => decompressor.decompressInto(frame, output, plain.length);
    const damaged = Buffer.from(frame);
    damaged[12] = (damaged[12] as number) ^ 0x55;
    for (const [bytes, length] of [
      [frame, plain.length - 1],
      [frame, plain.length + 1],
      [frame.subarray(0, -1), plain.length],
      [frame.subarray(0, 5), plain.length],
      [damaged, plain.length],
      [Buffer.concat([frame, Buffer.from('rubbish')]), plain.length],
      [Buffer.from('not a frame at all'), 18],
    ] as const) {
      const accepted = decompressor.decompressInto(bytes, output, length);
      // A changed byte may still decode to the right length; its SHA-256 then tells. Everything else must be refused.
      if (bytes !== damaged) expect(accepted).toBe(false);
      expect(good()).toBe(true);
      expect(output.subarray(0, plain.length).equals(plain)).toBe(true);
    }
  });

  test('a bomb is bounded by the promised length', () => {
    const bomb = compressOnce(Buffer.alloc(64 << 20));
    expect(new Decompressor().decompressInto(bomb, Buffer.alloc(1001), 1000)).toBe(false);
    expect(() => decompressOnce(bomb, 1000)).toThrow();
  });
});

test('isAppError sees the error of a zero key', () => {
  try {
    new Envelope(Buffer.alloc(KEY_BYTES));
    expect.unreachable();
  } catch (error) {
    expect(isAppError(error, 'repository-damaged')).toBe(true);
  }
});
