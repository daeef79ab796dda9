import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Actor } from '#lib/contracts/access.ts';
import { type DownloadRequest, openDownload } from '#lib/services/downloads.ts';
import { closeReaders } from '#lib/services/open-vault.ts';
import { testApi } from '../../testing/api.ts';
import { backUp } from '../../testing/backup.ts';

const api = testApi();
const ODD_NAMES = ['it\'s "odd"', 'two\nlines', 'back\\slash', 'ü', `${'l'.repeat(255)}`];
const MANY = 2_000;
const FEW = 20;
const LISTERS = {
  zip: 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))',
  tar: 'import sys, tarfile; print("\\n".join(tarfile.open(sys.argv[1]).getnames()))',
};
let cookie: string;
let root: string;
let first: string;
let second: string;

beforeAll(async () => {
  cookie = await api.signIn('operator');
  const owner = await api.signIn('owner');
  root = join(api.folder, 'source');
  await mkdir(join(root, 'many'), { recursive: true });
  for (let n = 0; n < MANY; n += 1) await writeFile(join(root, 'many', `file ${n}`), 'x'.repeat(n % 7));
  await mkdir(join(root, 'few'));
  for (let n = 0; n < FEW; n += 1) await writeFile(join(root, 'few', `file ${n}`), `${n}`);
  for (const name of ODD_NAMES) await writeFile(join(root, name), `content of ${name}`);
  await writeFile(join(root, 'big'), Buffer.alloc(5_000_000, 'abcdefgh'));
  await symlink('big', join(root, 'link'));
  const vault = await (
    await api.call('POST', '/api/v1/vaults', {
      cookie: owner,
      body: { name: 'v', store: { kind: 'local', path: join(api.folder, 'vault') } },
    })
  ).json();
  first = await backUp(vault.id, root, hostname());
  // The reader of the vault is open by now, and older than what comes next.
  expect((await get(`${first}/entries`)).status).toBe(200);
  await writeFile(join(root, 'new'), '12345');
  await writeFile(join(root, 'ü'), 'changed');
  second = await backUp(vault.id, root, hostname());
}, 120_000);

let streams: Response[] = [];
afterEach(async () => {
  for (const stream of streams) if (!stream.bodyUsed) await stream.body?.cancel();
  streams = [];
});

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return api.call('GET', `/api/v1/recovery-points/${path}`, { cookie, headers }).then((response) => {
    streams.push(response);
    return response;
  });
}

const query = (values: Record<string, string>) => new URLSearchParams(values).toString();

test('browsing starts at the folder of the source', async () => {
  const point = await (await get(first)).json();
  expect(point.rootPath).toBe(root);
  expect(point.paths).toEqual([root]);
});

test('a large folder comes in pages of one order, and a search counts what it keeps', async () => {
  const page = async (more: Record<string, string>) =>
    (await get(`${first}/entries?${query({ path: `${root}/many`, limit: '2', ...more })}`)).json();
  const names = (answer: { entries: { name: string }[] }) => answer.entries.map((entry) => entry.name);
  const start = await page({});
  expect(start).toMatchObject({ total: MANY, matching: MANY, path: `${root}/many` });
  expect(names(start)).toEqual(['file 0', 'file 1']);
  expect(names(await page({ offset: '10' }))).toEqual(['file 10', 'file 11']);
  expect(names(await page({ order: 'desc' }))).toEqual([`file ${MANY - 1}`, `file ${MANY - 2}`]);
  expect((await page({ sort: 'size', order: 'desc' })).entries[0].size).toBe(6);
  expect(await page({ search: 'FILE 199' })).toMatchObject({ total: MANY, matching: 11 });
});

test('entries show what ls shows', async () => {
  const { entries } = await (await get(`${first}/entries?${query({ path: root })}`)).json();
  const link = entries.find((entry: { name: string }) => entry.name === 'link');
  expect(link).toMatchObject({ type: 'symlink', mode: 'lrwxrwxrwx', linkTarget: 'big' });
  expect(entries[0]).toMatchObject({ name: 'few', type: 'dir' });
  expect(entries.map((entry: { name: string }) => entry.name)).toContain('two\\nlines');
});

test('a path that is not in the point is not found, whatever it looks like', async () => {
  for (const path of ['/nope', `${root}/../../etc`, `${root}/big/x`, '\\x00', '/..']) {
    const response = await get(`${first}/entries?${query({ path })}`);
    expect(response.status, path).toBeGreaterThanOrEqual(400);
    expect(response.status, path).toBeLessThan(500);
  }
});

test('every odd name can be listed and downloaded, byte for byte', async () => {
  const { entries } = await (await get(`${first}/entries?${query({ path: root })}`)).json();
  const odd = entries.filter((entry: { type: string; name: string }) => entry.type === 'file' && entry.name !== 'big');
  expect(odd).toHaveLength(ODD_NAMES.length);
  const contents: string[] = [];
  for (const { path } of odd) {
    const response = await get(`${first}/download?${query({ path })}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="[^"\\]+"; filename\*=UTF-8''/);
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    contents.push(await response.text());
  }
  expect(contents.sort()).toEqual(ODD_NAMES.map((name) => `content of ${name}`).sort());
});

test('a download that broke off goes on where it stopped', async () => {
  const path = query({ path: `${root}/big` });
  const whole = Buffer.from(await (await get(`${first}/download?${path}`)).arrayBuffer());
  expect(whole).toHaveLength(5_000_000);
  const part = await get(`${first}/download?${path}`, { range: 'bytes=4000001-' });
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe('bytes 4000001-4999999/5000000');
  const rest = Buffer.from(await part.arrayBuffer());
  expect(createHash('sha256').update(rest).digest('hex')).toBe(
    createHash('sha256').update(whole.subarray(4_000_001)).digest('hex'),
  );
});

test('a folder and several paths come as one archive', async () => {
  for (const format of ['zip', 'tar']) {
    const folder = await get(`${first}/download?${query({ path: `${root}/few`, format })}`);
    const name = new RegExp(`filename="few-\\d{4}-\\d\\d-\\d\\d\\.${format}"`);
    expect(folder.headers.get('content-disposition')).toMatch(name);
    const archive = join(api.folder, `few.${format}`);
    await writeFile(archive, Buffer.from(await folder.arrayBuffer()));
    const names = execFileSync('python3', ['-c', LISTERS[format as 'zip' | 'tar'], archive], { encoding: 'utf8' });
    expect(
      names
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('few/file ')),
    ).toHaveLength(FEW);
    const two = await get(
      `${first}/download?path=${encodeURIComponent(`${root}/few`)}&path=${encodeURIComponent(`${root}/link`)}`,
    );
    expect(two.status).toBe(200);
    expect((await two.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  }
});

test('a download is written down', async () => {
  await (await get(`${first}/download?${query({ path: `${root}/big` })}`)).arrayBuffer();
  const row = await api.db().auditEvent.findFirstOrThrow({ where: { action: 'recovery-point.download' } });
  expect(row.subjectId).toBe(first);
});

test('a download whose browser goes before the first byte lets go of the vault', async () => {
  const actor: Actor = { userId: 'u', email: 'ada@example.org', role: 'operator' };
  const request: DownloadRequest = { paths: [`${root}/big`], format: 'zip' };
  const users = (): number => {
    const readers = (globalThis as { holdfastReaders?: Map<string, { users: number }> }).holdfastReaders;
    return [...(readers?.values() ?? [])].reduce((sum, reader) => sum + reader.users, 0);
  };
  const before = users();
  const browser = new AbortController();
  await openDownload(actor, first, request, browser.signal);
  expect(users()).toBe(before + 1);
  browser.abort();
  expect(users()).toBe(before);
  await openDownload(actor, first, request, browser.signal).catch(() => {});
  expect(users()).toBe(before);
});

test('two points are compared, in pages', async () => {
  const diff = await (await get(`${second}/diff?${query({ with: first, limit: '200' })}`)).json();
  const changed = diff.changes.filter((change: { type: string }) => change.type === 'file');
  expect(changed).toEqual([
    expect.objectContaining({ path: `${root}/new`, change: 'added', sizeAfter: 5 }),
    expect.objectContaining({ path: `${root}/ü`, change: 'modified', sizeAfter: 7 }),
  ]);
  expect(diff.totals).toMatchObject({ added: 1, removed: 0, modified: 1 });
  const back = await (await get(`${first}/diff?${query({ with: second })}`)).json();
  expect(back.totals).toMatchObject({ added: 0, removed: 1, modified: 1 });
});

test('a vault whose disk is gone is named in the answer', async () => {
  await closeReaders();
  const path = join(api.folder, 'vault');
  await rename(path, `${path}-unplugged`);
  try {
    const response = await get(`${first}/entries?${query({ path: root })}`);
    expect(response.status).toBe(422);
    expect((await response.json()).detail).toContain('The vault "v" cannot be opened.');
  } finally {
    await rename(`${path}-unplugged`, path);
  }
  expect((await get(`${first}/entries?${query({ path: root })}`)).status).toBe(200);
});
