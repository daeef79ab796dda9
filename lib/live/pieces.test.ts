import { expect, test } from 'vitest';
import { Reassembly, split } from './pieces.ts';

test('a short text travels whole', () => {
  expect(split('news', 'a')).toEqual(['- news']);
  expect(new Reassembly().add('- news')).toBe('news');
});

test('a long text fits PostgreSQL in pieces and comes back as it was, whatever its characters', () => {
  for (const text of ['x'.repeat(7_801), 'ä€🚆'.repeat(5_000), `${'a'.repeat(7_799)}🚆${'b'.repeat(9_000)}`]) {
    const pieces = split(text, 'f47ac10b-58cc-4372-a567-0e02b2c3d479');
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(Buffer.byteLength(piece)).toBeLessThan(8_000);
    const join = new Reassembly();
    const results = pieces.map((piece) => join.add(piece));
    expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
    expect(results.at(-1)).toBe(text);
  }
});

test('pieces of several texts may come in turn', () => {
  const [a, b] = ['a'.repeat(10_000), 'b'.repeat(10_000)] as const;
  const [[a1, a2], [b1, b2]] = [split(a, '1'), split(b, '2')] as [string[], string[]] as [
    [string, string],
    [string, string],
  ];
  const join = new Reassembly();
  expect([join.add(a1), join.add(b1), join.add(b2), join.add(a2)]).toEqual([undefined, undefined, b, a]);
});

test('a text whose beginning was missed is dropped, not made up', () => {
  const [, second] = split('x'.repeat(10_000), '1') as [string, string];
  expect(new Reassembly().add(second)).toBeUndefined();
});
