import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { jsonNodeName, jsonString, jsonStringFromBytes, nodeNameBytes } from './node-text.ts';

test('names are quoted as Go quotes them, then as JSON', () => {
  const cases: [Buffer, string][] = [
    [Buffer.concat([Buffer.from('we"ird\\n'), Buffer.from([0xff])]), '"we\\\\\\"ird\\\\\\\\n\\\\xff"'],
    [Buffer.from('<a&b>'), '"\\u003ca\\u0026b\\u003e"'],
    [Buffer.from('\x07\b\t\n\v\f\r\x1b\x7f'), '"\\\\a\\\\b\\\\t\\\\n\\\\v\\\\f\\\\r\\\\x1b\\\\x7f"'],
    [Buffer.from('\u00a0\u2028\u202e\ue000'), '"\\\\u00a0\\\\u2028\\\\u202e\\\\ue000"'],
    [Buffer.from('\u{10ffff}'), '"\\\\U0010ffff"'],
    [Buffer.from('ü😀\ufffd'), '"ü😀\ufffd"'],
  ];
  for (const [name, json] of cases) {
    expect(jsonNodeName(name)).toBe(json);
    expect(nodeNameBytes(JSON.parse(json))).toEqual(name);
  }
});

test('any name comes back from its JSON', () => {
  for (let round = 0; round < 2000; round++) {
    const name = randomBytes(1 + (round % 60));
    expect(nodeNameBytes(JSON.parse(jsonNodeName(name)))).toEqual(name);
  }
});

test('octal and unicode escapes that other writers may use are read', () => {
  expect(nodeNameBytes('\\101\\u00fc\\U0001f600')).toEqual(Buffer.from('Aü😀'));
});

test('names that no quoting produces are refused', () => {
  for (const text of ['a"b', 'a\nb', 'a\\', '\\q', '\\ud800', '\\U00110000', "\\'"]) {
    expect(() => nodeNameBytes(text), text).toThrow('not quoted');
  }
});

test('strings are escaped as encoding/json does', () => {
  expect(jsonString('a"\\<&>\n\b\f\u0001\u2028')).toBe('"a\\"\\\\\\u003c\\u0026\\u003e\\n\\b\\f\\u0001\\u2028"');
  expect(jsonStringFromBytes(Buffer.from([0x61, 0xe2, 0x82, 0x22]))).toBe('"a\\ufffd\\ufffd\\""');
  expect(jsonStringFromBytes(Buffer.from('ü\ufffd'))).toBe('"ü\ufffd"');
});
