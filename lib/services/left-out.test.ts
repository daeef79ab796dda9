// A recovery point with entries that cannot be handed out: comparing and downloading say so.

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { blobId, type CraftedNode, craftSnapshot, craftTree } from '#lib/engine/oracle/crafted.ts';
import { testApi } from '../../testing/api.ts';
import { openVault } from './open-vault.ts';
import { reconcileVault } from './recovery-point-index.ts';

const api = testApi();
const GOOD: CraftedNode = { name: 'good', content: [blobId('good')], size: 4 };
const HOSTILE: CraftedNode = { name: '../evil', content: [blobId('good')], size: 4 };
const LOST: CraftedNode = { name: 'lost', content: [blobId('never stored')], size: 12 };
/** Trees hold names quoted as Go does. */
const ODD: CraftedNode = { name: 'new\\nline', content: [blobId('good')], size: 4 };
let cookie: string;
let whole: string;
let lacking: string;

beforeAll(async () => {
  cookie = await api.signIn('owner');
  const vault = await (
    await api.call('POST', '/api/v1/vaults', {
      cookie,
      body: { name: 'v', store: { kind: 'local', path: join(api.folder, 'vault') } },
    })
  ).json();
  const open = await openVault(vault.id);
  const snapshots = [
    await craftSnapshot(open.repository, [craftTree([GOOD, ODD])], ['good']),
    await craftSnapshot(open.repository, [craftTree([HOSTILE, GOOD, LOST])], []),
  ];
  await reconcileVault(vault.id, open.repository);
  await open.close();
  const rows = await api.db().recoveryPoint.findMany();
  [whole, lacking] = snapshots.map((id) => rows.find((row) => row.snapshotId === id)?.id as string) as [string, string];
});

const get = (path: string) => api.call('GET', `/api/v1/recovery-points/${path}`, { cookie });

async function unpacked(point: string, format: 'tar' | 'zip'): Promise<string> {
  const answer = await get(`${point}/download?path=/&format=${format}`);
  expect(answer.status).toBe(200);
  const archive = join(api.folder, `${point}.${format}`);
  await writeFile(archive, Buffer.from(await answer.arrayBuffer()));
  const out = `${archive}-out`;
  await mkdir(out);
  execFileSync('python3', ['-m', format === 'tar' ? 'tarfile' : 'zipfile', '-e', archive, out]);
  return out;
}

test.each(['tar', 'zip'] as const)('a %s that lacks entries ends with a text that names them', async (format) => {
  const out = await unpacked(lacking, format);
  const [note] = (await readdir(out)).filter((name) => name !== 'good');
  expect(await readdir(out)).toHaveLength(2);
  expect(await readFile(join(out, 'good'), 'utf8')).toBe('good');
  expect(note).toMatch(/^HOLDFAST-LEFT-OUT-[0-9a-f]{8}\.txt$/);
  const lines = (await readFile(join(out, note as string), 'utf8')).split('\n');
  expect(lines[0]).toBe('THIS ARCHIVE IS NOT COMPLETE: 2 ENTRIES ARE MISSING.');
  expect(lines).toContain('/../evil: The name contains a slash; the entry is left out.');
  expect(lines.find((line) => line.startsWith('/lost: '))).toContain(blobId('never stored').slice(0, 8));
});

test.each(['tar', 'zip'] as const)('a %s that is whole holds nothing but what was asked for', async (format) => {
  // A zip cannot hold a newline in a name.
  const odd = format === 'tar' ? 'new\nline' : 'new%5Cnline';
  expect((await readdir(await unpacked(whole, format))).sort()).toEqual(['good', odd]);
});

test('comparing says what it could not compare, once', async () => {
  const diff = await (await get(`${lacking}/diff?with=${whole}`)).json();
  expect(diff.problems).toEqual(['/../evil: The name contains a slash; the entry is left out.']);
  expect(diff.changes.map((change: { path: string }) => change.path)).toEqual(['/lost', '/new\\nline']);
});

test('a file is saved under its own name: a newline in it becomes one underscore', async () => {
  const answer = await get(`${whole}/download?path=${encodeURIComponent('/new\\nline')}`);
  expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="new_line"; filename*=UTF-8''new_line`);
  expect(await answer.text()).toBe('good');
});
