import { expect, test } from 'vitest';
import type { SnapshotId } from '../types.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts';

const id = 'b'.repeat(64) as SnapshotId;
const json =
  `{"time":"2024-01-01T00:00:00.5+01:00","tree":"${'a'.repeat(64)}","paths":["/a<b","/c"],"hostname":"h","username":"u",` +
  '"uid":7,"excludes":["*.tmp"],"tags":["nightly"],"program_version":"x 1","summary":{"backup_start":"s","files_new":0}}';

test('a snapshot is written with the fields, order and escapes of restic', () => {
  const snapshot = decodeSnapshot(id, Buffer.from(json));
  expect(snapshot).toMatchObject({ id, hostname: 'h', paths: ['/a<b', '/c'] });
  expect(encodeSnapshot(snapshot).toString()).toBe(json.replace('<', '\\u003c'));
  expect(encodeSnapshot({ ...snapshot, uid: 0, tags: [], parent: undefined }).toString()).not.toMatch(
    /uid|tags|parent/,
  );
});

test('fields of later versions are kept', () => {
  const snapshot = decodeSnapshot(id, Buffer.from(`${json.slice(0, -1)},"later":{"x":[1]}}`));
  expect(encodeSnapshot(snapshot).toString()).toContain('"later":{"x":[1]}');
});

test('a snapshot without a tree or with a broken time is refused by name', () => {
  for (const text of [
    '',
    'null',
    '{}',
    `{"tree":"${'a'.repeat(64)}"}`,
    `{"tree":"${'a'.repeat(64)}","time":"now"}`,
    '{"tree":"x","time":"2024-01-01T00:00:00Z"}',
  ]) {
    expect(() => decodeSnapshot(id, Buffer.from(text)), text).toThrow('Snapshot bbbbbbbb');
  }
});
