import { expect, test } from 'vitest';
import { compilePattern, patternFits, Selection } from './selection.ts';

const names = (path: string) => path.split('/').filter(Boolean);
const fits = (pattern: string, path: string, anyCase = false) =>
  patternFits(compilePattern(pattern, anyCase), names(path));

test.each([
  ['*.txt', '/a/b.txt', true],
  ['*.txt', '/a/b.txt/below', true],
  ['*.txt', '/a/btxt', false],
  ['b', '/a/b/c', true],
  ['/b', '/a/b', false],
  ['/a', '/a/b', true],
  ['a/b', '/x/a/b/c', true],
  ['a/c', '/a/b/c', false],
  ['/a/**/d', '/a/b/c/d', true],
  ['/a/**/d', '/a/d', true],
  ['/a/**', '/a', false],
  ['/a/**', '/a/b', true],
  ['?', '/ä', true],
  ['[a-c]x', '/bx', true],
  ['[^a-c]x', '/bx', false],
  ['[!a-c]x', '/dx', true],
  ['\\*', '/*', true],
  ['\\*', '/x', false],
  ['a.b', '/axb', false],
  ['.*', '/visible', false],
])('%s on %s: %s', (pattern, path, expected) => {
  expect(fits(pattern, path)).toBe(expected);
});

test('upper and lower case are the same only where asked for', () => {
  expect(fits('Ä*', '/ärger')).toBe(false);
  expect(fits('Ä*', '/ärger', true)).toBe(true);
});

test('a pattern that cannot be understood says so', () => {
  expect(() => compilePattern('a[b')).toThrow('without its "]"');
  expect(() => compilePattern('/')).toThrow('names nothing');
});

test('folders on the way are entered only where something below can fit', () => {
  const rooted = new Selection([], { include: ['/a/*/c'] });
  const choose = (selection: Selection, path: string, folder: boolean) => selection.choose(path, names(path), folder);
  expect(choose(rooted, '/a', true)).toBe('above');
  expect(choose(rooted, '/a/x', true)).toBe('above');
  expect(choose(rooted, '/b', true)).toBe('no');
  expect(choose(rooted, '/a/x/c', false)).toBe('yes');
  expect(choose(rooted, '/a/x/d', false)).toBe('no');
  const anywhere = new Selection([], { include: ['*.txt'] });
  expect(choose(anywhere, '/b', true)).toBe('above');
});

test('a later pattern with ! takes back what an earlier one chose', () => {
  const selection = new Selection([], { exclude: ['/logs', '!/logs/keep'] });
  const choose = (path: string, folder: boolean) => selection.choose(path, names(path), folder);
  expect(choose('/logs', true)).toBe('above');
  expect(choose('/logs/old', false)).toBe('no');
  expect(choose('/logs/keep', false)).toBe('yes');
  expect(choose('/other', true)).toBe('yes');
});
