import { expect, test } from 'vitest';
import { restoreDestination } from './restore-target.ts';

const point = { paths: ['/srv/data'], source: { name: 'data', worker: { id: 'w1' } } };

test('the original place is the path the files came from, on the host of the source', () => {
  expect(restoreDestination({ kind: 'original' }, point)).toEqual({
    workerId: 'w1',
    targetPath: '/srv/data',
    stripPath: '/srv/data',
  });
});

test('another folder takes the place of the source folder', () => {
  expect(restoreDestination({ kind: 'folder', path: '/tmp/new', workerId: 'w2' }, point)).toEqual({
    workerId: 'w2',
    targetPath: '/tmp/new',
    stripPath: '/srv/data',
  });
});

test('a snapshot of several folders keeps their whole paths', () => {
  const several = { ...point, paths: ['/etc', '/srv/data'] };
  expect(restoreDestination({ kind: 'folder', path: '/tmp/new', workerId: 'w2' }, several).stripPath).toBe('/');
  expect(restoreDestination({ kind: 'original' }, several)).toMatchObject({ targetPath: '/', stripPath: '/' });
});

test('without a source there is no original place', () => {
  expect(() => restoreDestination({ kind: 'original' }, { ...point, source: null })).toThrow(/source .* removed/);
});
