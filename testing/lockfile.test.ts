import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { missingPackages } from '../scripts/lockfile.mjs';

const lockfile = async () => JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));

test('the lockfile has every package of every platform, or npm ci refuses it ("node scripts/lockfile.mjs" completes it)', async () => {
  expect(missingPackages(await lockfile())).toEqual([]);
});

test('the lockfile names no registry', async () => {
  expect(JSON.stringify(await lockfile())).not.toContain('"resolved"');
});

test('an optional package without an entry is noticed, one of a nested folder is found', () => {
  const packages = {
    '': {},
    'node_modules/a': { optionalDependencies: { 'a-linux-x64': '1.0.0', 'a-darwin-x64': '1.0.0' } },
    'node_modules/a/node_modules/a-linux-x64': { version: '1.0.0' },
  };
  expect(missingPackages({ packages })).toEqual([{ asker: 'node_modules/a', name: 'a-darwin-x64', version: '1.0.0' }]);
});
