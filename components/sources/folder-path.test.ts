import { expect, test } from 'vitest';
import { baseName, parentOf, splitTyped, suggestSourceName, tidyPath } from './folder-path.ts';

test('what stands after the last slash narrows the folder before it', () => {
  expect(splitTyped('/var/lo')).toEqual({ folder: '/var', prefix: 'lo' });
  expect(splitTyped('/var/')).toEqual({ folder: '/var', prefix: '' });
  expect(splitTyped('/v')).toEqual({ folder: '/', prefix: 'v' });
  expect(splitTyped('/')).toEqual({ folder: '/', prefix: '' });
});

test('a path without a leading slash is looked for in the root', () => {
  expect(splitTyped('srv')).toEqual({ folder: '/', prefix: 'srv' });
});

test('double and trailing slashes go, the root stays', () => {
  expect(tidyPath('/var//www/')).toBe('/var/www');
  expect(tidyPath('/')).toBe('/');
  expect(parentOf('/var/www')).toBe('/var');
  expect(parentOf('/var')).toBe('/');
  expect(baseName('/var/www/')).toBe('www');
});

test('a source is named after the end of its path, and after the host where there are several', () => {
  expect(suggestSourceName('/srv/www/shop', 'web-1', false)).toBe('www/shop');
  expect(suggestSourceName('/srv', 'web-1', false)).toBe('srv');
  expect(suggestSourceName('/srv/www', 'web-1', true)).toBe('web-1 srv/www');
  expect(suggestSourceName('/', 'web-1', false)).toBe('web-1 everything');
});
