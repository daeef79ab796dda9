import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Excludes } from '#lib/engine/walk/excludes.ts';
import { excludesOfOwnFolders, refuseOwnFolders } from './own-folders.ts';

let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-own-')));
  mkdirSync(join(home, 'var', 'da[ta] *'), { recursive: true });
  mkdirSync(join(home, 'database'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('the data folder below a source is left out, whatever it is called, and nothing beside it', async () => {
  const patterns = await excludesOfOwnFolders(home, [join(home, 'var', 'da[ta] *')]);
  const excludes = new Excludes(patterns, home);
  expect(excludes.excludes('var/da[ta] *', true)).toBe(true);
  expect(excludes.excludes('var/data x', true)).toBe(false);
  expect(excludes.excludes('var', true)).toBe(false);
});

test('a source in the data folder is refused, also through a symbolic link', async () => {
  const data = join(home, 'var', 'da[ta] *');
  mkdirSync(join(data, 'postgres'));
  symlinkSync(data, join(home, 'link'));
  for (const path of [data, join(data, 'postgres'), join(home, 'link', 'postgres')]) {
    await expect(excludesOfOwnFolders(path, [data])).rejects.toMatchObject({ code: 'conflict' });
  }
  expect(await excludesOfOwnFolders(join(home, 'database'), [join(home, 'data')])).toEqual([]);
});

test('nothing is restored into the data folder, not even into a folder that does not exist yet', async () => {
  const data = join(home, 'database');
  symlinkSync(data, join(home, 'link'));
  for (const target of [data, join(data, 'new', 'deep'), join(home, 'link', 'new')]) {
    await expect(refuseOwnFolders(target, [data])).rejects.toMatchObject({ code: 'conflict' });
  }
  await refuseOwnFolders(join(home, 'database-copy'), [data]);
});
