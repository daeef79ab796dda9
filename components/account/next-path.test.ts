import { expect, test } from 'vitest';
import { nextPath } from './next-path.ts';

test('a path of the console with its query is kept', () => {
  expect(nextPath('/runs/1?level=warn')).toBe('/runs/1?level=warn');
  expect(nextPath(null)).toBe('/');
});

test('another site is never a next page', () => {
  for (const bad of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/\t/evil.example',
    '',
  ])
    expect(nextPath(bad), bad).toBe('/');
});
