import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bytesFromPathText, joinPathText, pathTextFromBytes, splitPathText } from './path-text.ts';

test('ordinary names stay as they are', () => {
  for (const name of ['a.txt', 'ümläut', 'quote"\'', 'emoji 😀', ' ', 'replacement \ufffd']) {
    expect(pathTextFromBytes(Buffer.from(name))).toBe(name);
    expect(bytesFromPathText(name)).toEqual(Buffer.from(name));
  }
});

test('backslashes, controls and bytes that are not UTF-8 are escaped', () => {
  expect(pathTextFromBytes(Buffer.from('a\\b\n\t\x01\x7f'))).toBe('a\\\\b\\n\\t\\x01\\x7f');
  expect(pathTextFromBytes(Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x62]))).toBe('a\\xff\\xe2\\x82b');
  expect(pathTextFromBytes(Buffer.from([0xed, 0xa0, 0x80]))).toBe('\\xed\\xa0\\x80');
  expect(pathTextFromBytes(Buffer.from([0xc0, 0xaf, 0xf4, 0x90, 0x80, 0x80]))).toBe('\\xc0\\xaf\\xf4\\x90\\x80\\x80');
});

test('characters that could disguise a name are escaped', () => {
  expect(pathTextFromBytes(Buffer.from('a\u202egpj.exe'))).toBe('a\\xe2\\x80\\xaegpj.exe');
  expect(pathTextFromBytes(Buffer.from('\u0085\u2028'))).toBe('\\xc2\\x85\\xe2\\x80\\xa8');
});

test('any bytes come back from their text', () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = randomBytes(1 + (round % 40));
    expect(bytesFromPathText(pathTextFromBytes(bytes))).toEqual(bytes);
  }
});

test('an unknown escape is refused, with the way to write it', () => {
  expect(() => bytesFromPathText('a\\q')).toThrow('backslash');
  expect(() => bytesFromPathText('a\\x4')).toThrow('backslash');
});

test('paths are split into raw names and never climb', () => {
  expect(splitPathText('/a//b\\n/c/')).toEqual([Buffer.from('a'), Buffer.from('b\n'), Buffer.from('c')]);
  expect(splitPathText('/')).toEqual([]);
  expect(() => splitPathText('/a/../b')).toThrow('".."');
  expect(joinPathText('/', 'a')).toBe('/a');
  expect(joinPathText('/a', 'b')).toBe('/a/b');
});
