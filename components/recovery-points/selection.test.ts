import { expect, test } from 'vitest';
import type { EntryView } from '#lib/contracts/recovery-points.ts';
import { NOTHING, outermost, toggled, withAll } from './selection.ts';

function entry(path: string): EntryView {
  return {
    name: path.split('/').at(-1) ?? '',
    path,
    type: 'file',
    size: 1,
    mode: '-rw-r--r--',
    mtime: '2026-11-20T10:00:00Z',
    owner: 'root',
    group: 'root',
  };
}

test('choosing twice takes back', () => {
  const once = toggled(NOTHING, entry('/a'));
  expect([...once.keys()]).toEqual(['/a']);
  expect(toggled(once, entry('/a')).size).toBe(0);
});

test('a range is added to what was chosen', () => {
  expect(withAll(toggled(NOTHING, entry('/a')), [entry('/a'), entry('/b')]).size).toBe(2);
});

test('what lies in a chosen folder is not taken twice, a name that only begins alike is', () => {
  expect(outermost(['/a', '/a/b', '/a/b/c', '/ab', '/x/y'])).toEqual(['/a', '/ab', '/x/y']);
  expect(outermost(['/', '/etc'])).toEqual(['/']);
});
