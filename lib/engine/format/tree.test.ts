import { expect, test } from 'vitest';
import type { TreeId } from '../types.ts';
import { decodeNode, encodeNode, type TreeNode } from './node.ts';
import { decodeTree, encodeTree, iterateTree, safeNodes, type TreeProblem } from './tree.ts';

const TIME = '2024-01-01T00:00:00Z';

function file(name: string | Buffer, more: Partial<TreeNode> = {}): TreeNode {
  const times = { mtime: TIME, atime: TIME, ctime: TIME };
  return { name: Buffer.from(name), type: 'file', mode: 0o644, uid: 0, gid: 0, content: [], ...times, ...more };
}

const raw = (...names: string[]) =>
  Buffer.from(
    `{"nodes":[${names.map((name) => `{"name":"${name}","type":"file","mtime":"${TIME}","uid":0,"gid":0,"content":[]}`)}]}\n`,
  );

const names = (nodes: Iterable<TreeNode>) => Array.from(nodes, (node) => node.name.toString());

test('an empty folder is the tree restic writes', () => {
  expect(encodeTree([]).toString()).toBe('{"nodes":[]}\n');
  expect(decodeTree(Buffer.from('{"nodes":[]}\n'))).toEqual([]);
  expect(decodeTree(Buffer.from('{"nodes":null}'))).toEqual([]);
});

test('nodes are sorted by the bytes of their names, not as JavaScript sorts strings', () => {
  const blob = encodeTree([file('\u{10000}'), file('\uffff'), file('b'), file('B'), file(Buffer.from([0xff]))]);
  expect(names(iterateTree(blob)).slice(0, 4)).toEqual(['B', 'b', '\uffff', '\u{10000}']);
  expect(decodeTree(blob)).toHaveLength(5);
});

test('bad and duplicate names are not written', () => {
  for (const name of ['', '.', '..', 'a/b', 'a\0b'])
    expect(() => encodeTree([file(name)]), name).toThrow('not written');
  expect(() => encodeTree([file('a'), file('b'), file('a')])).toThrow('two entries');
  expect(() => encodeTree([file('a', { content: undefined })])).toThrow('no content');
  expect(() => encodeTree([file('a', { type: 'dir', content: undefined })])).toThrow('no subtree');
});

test('hostile names are left out and reported, the rest is read', () => {
  const problems: TreeProblem[] = [];
  expect(names(safeNodes(raw('..', 'a', 'a/b', 'b', 'b', 'c'), (problem) => problems.push(problem)))).toEqual([
    'a',
    'b',
    'c',
  ]);
  expect(problems.map(({ name }) => name?.toString())).toEqual(['..', 'a/b', 'b']);
  expect(() => decodeTree(raw('..'))).toThrow('".."');
});

test('an unsorted tree is reported once and its duplicates are found', () => {
  const problems: TreeProblem[] = [];
  expect(names(safeNodes(raw('c', 'a', 'b', 'c', 'a'), (problem) => problems.push(problem)))).toEqual(['c', 'a', 'b']);
  expect(problems).toHaveLength(3);
  expect(() => decodeTree(raw('b', 'a'))).toThrow('not sorted');
});

test('64-bit numbers and unknown fields survive decoding and encoding', () => {
  const json =
    `{"name":"a","type":"file","mode":420,"mtime":"${TIME}","atime":"${TIME}","ctime":"${TIME}","uid":4294967295,"gid":0,` +
    '"inode":18446744073709551615,"device_id":9223372036854775809,"size":9007199254740991,"links":2,' +
    '"extended_attributes":[{"name":"user.a","value":"eA=="},{"name":"user.b","value":null}],' +
    '"generic_attributes":{"a.number":12345678901234567890,"windows.creation_time":"\\u003c"},"content":[],' +
    '"error":"old","from_the_future":{"deep":[1,12345678901234567890,"\\u0026"]},"__proto__":1}';
  expect(encodeNode(decodeNode(json))).toBe(json);
  expect(decodeNode(json).inode).toBe(2n ** 64n - 1n);
});

test('other layouts of the same JSON are read', () => {
  const id = 'a'.repeat(64) as TreeId;
  const blob = Buffer.from(
    `\n{ "more" : {"nodes":[1,"]}"]}, "x":-1, "nodes" : [ {"content":null,"subtree":"${id}","name":"d","type":"dir"} , {"name":"e","type":"fifo"} ] , "after":[] }`,
  );
  const [folder, fifo] = decodeTree(blob);
  expect(folder).toMatchObject({ type: 'dir', subtree: id, uid: 0, mtime: '0001-01-01T00:00:00Z' });
  expect(fifo?.type).toBe('fifo');
});

test('what is not a tree says so instead of giving an empty folder', () => {
  for (const text of [
    '',
    '{}',
    '[]',
    '{"nodes":[',
    '{"nodes":[{"name":"a"',
    '{"nodes":[1]}',
    '{"nodes":[{}]}',
    '{"nodes":{}',
  ]) {
    expect(() => decodeTree(Buffer.from(text)), text).toThrow(/tree/);
  }
  expect(() => decodeTree(Buffer.from('{"nodes":[{"name":"a","type":"portal"}]}'))).toThrow('type');
  expect(() => decodeTree(Buffer.from('{"nodes":[{"name":"a","type":"file","content":["zz"]}]}'))).toThrow('content');
  expect(() => decodeTree(Buffer.from('{"nodes":[{"name":"a","type":"file","size":-1}]}'))).toThrow('size');
});

test('a folder of 200,000 entries is read one by one', () => {
  const nodes = Array.from({ length: 200_000 }, (_, i) => file(`file-${String(i).padStart(7, '0')}`));
  const blob = encodeTree(nodes);
  let count = 0;
  for (const node of iterateTree(blob)) {
    if (count === 123_456) expect(node.name.toString()).toBe('file-0123456');
    count += 1;
  }
  expect(count).toBe(200_000);
});
