import { expect, test } from 'vitest';
import { excludesError, parseExcludes } from './excludes-field.tsx';

test('blank lines and comments are for people, the rest is kept in order', () => {
  expect(parseExcludes('*.tmp\n\n# build\n  dist/  \n!dist/keep')).toEqual(['*.tmp', 'dist/', '!dist/keep']);
});

test('a pattern that leaves out everything is refused unless something is brought back', () => {
  expect(excludesError('*')).toContain('leaves out everything');
  expect(excludesError('/**')).toContain('leaves out everything');
  expect(excludesError('*\n!important/')).toBeUndefined();
  expect(excludesError('*.log\ncache/')).toBeUndefined();
});

test('too many and too long patterns are named', () => {
  expect(excludesError(Array.from({ length: 501 }, (_, index) => `f${index}`).join('\n'))).toContain('501');
  expect(excludesError('x'.repeat(1001))).toContain('1000 characters');
});
