import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { testApi } from '../../testing/api.ts';

const api = testApi();
let cookie: string;
beforeAll(async () => {
  cookie = await api.signIn('owner');
});

let made = 0;
async function create(path: string, given?: string) {
  made += 1;
  const name = given ?? `vault ${made}`;
  const response = await api.call('POST', '/api/v1/vaults', { cookie, body: { name, store: { kind: 'local', path } } });
  return { status: response.status, body: await response.json() };
}

/** All names below a folder. */
function tree(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true }).then((names) => names.sort());
}

test('a vault is made in a new folder below ones that do not exist, with the password sealed', async () => {
  const path = join(api.folder, 'new', 'deeper', 'vault');
  const { status, body } = await create(path, 'first');
  expect(status).toBe(201);
  expect(body).toMatchObject({
    name: 'first',
    store: { path },
    unreachable: null,
    recoveryPoints: 0,
    dedupRatio: null,
  });
  expect(body.freeBytes).toBeGreaterThan(0);
  expect(Object.keys(body)).not.toContain('sealedPassword');
  const row = await api.db().vault.findUniqueOrThrow({ where: { id: body.id } });
  expect(row.sealedPassword).toMatch(/^hf1\.[0-9a-f]{16}\./);
  expect(await tree(path)).toContain('config');
  const audit = await api.db().auditEvent.findFirstOrThrow({ where: { action: 'vault.create', subjectId: body.id } });
  expect(audit).toMatchObject({ subjectName: 'first', ipAddress: '192.0.2.1' });
  expect(JSON.stringify(audit.detail)).not.toContain('assword');
});

describe('a folder that cannot be a vault is refused with a reason and left as it was:', () => {
  test('not empty', async () => {
    const path = join(api.folder, 'holiday');
    await mkdir(path);
    await writeFile(join(path, 'photo.jpg'), 'x');
    const { status, body } = await create(path);
    expect(status).toBe(422);
    expect(body.fields['store.path']).toContain('is not empty and not a repository: it holds "photo.jpg"');
    expect(await tree(path)).toEqual(['photo.jpg']);
  });

  test('of another vault, under any spelling, around it or inside it', async () => {
    const path = join(api.folder, 'mine');
    expect((await create(path, 'mine')).status).toBe(201);
    await symlink(path, join(api.folder, 'alias'));
    const before = await tree(path);
    for (const spelling of [path, `${path}/`, `${path}//.`, join(api.folder, 'alias')]) {
      const { status, body } = await create(spelling);
      expect(status, spelling).toBe(409);
      expect(body.detail).toContain('already belongs to the vault "mine"');
    }
    for (const near of [join(path, 'inner'), join(api.folder, 'alias', 'inner'), api.folder]) {
      expect((await create(near)).status, near).toBe(409);
    }
    expect(await tree(path)).toEqual(before);
  });

  test('half a repository, and a whole one of someone else', async () => {
    const path = join(api.folder, 'theirs');
    const { body } = await create(path, 'theirs');
    await api.db().vault.delete({ where: { id: body.id } });
    const whole = await create(path);
    expect(whole.status).toBe(409);
    expect(whole.body.hint).toContain('later version');
    const half = join(api.folder, 'half');
    await mkdir(half);
    await writeFile(join(half, 'config'), await readFile(join(path, 'config')));
    const before = await tree(half);
    const refused = await create(half);
    expect(refused.status).toBe(422);
    expect(refused.body.detail).toContain('half a repository: the config');
    expect(await tree(half)).toEqual(before);
  });

  test.each([
    ['a file', () => join(api.folder, 'file'), 'is a file, not a folder'],
    ['below a file', () => join(api.folder, 'file', 'x'), 'is a file, not a folder'],
    ['a place where no folder can be made', () => '/proc/holdfast', 'cannot be made there'],
    ['with ".."', () => `${api.folder}/a/../b`, 'contains ".."'],
    ['with a line break', () => `${api.folder}/a\nb`, 'control character'],
    ['with a name of 256 bytes', () => `${api.folder}/${'ä'.repeat(128)}`, 'has 256 bytes'],
    ['relative', () => 'vault', 'absolute path'],
    ['the root', () => '/', 'folder of its own'],
    ['in the data folder', () => join(api.folder, 'data', 'vault'), 'own data folder'],
  ])('%s', async (_name, path, reason) => {
    await writeFile(join(api.folder, 'file'), 'x');
    const before = await tree(api.folder);
    const { status, body } = await create(path());
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.fields['store.path']).toContain(reason);
    expect(await tree(api.folder)).toEqual(before);
  });

  test.skipIf(process.getuid?.() === 0)('not writable', async () => {
    const path = join(api.folder, 'locked');
    await mkdir(path, { mode: 0o500 });
    expect((await create(join(path, 'vault'))).body.fields['store.path']).toContain('may not write');
    await chmod(path, 0o700);
  });
});

test('names with quotes and 255 bytes work, in the folder and in the vault', async () => {
  const name = `it's "fine" $(not run) ${'x'.repeat(255 - 23)}`;
  const { status, body } = await create(join(api.folder, name), `it's "fine" \\ $HOME`);
  expect(status).toBe(201);
  expect(body.store.path).toBe(join(api.folder, name));
});

test('two vaults cannot have one name, and the second leaves no folder', async () => {
  await create(join(api.folder, 'one'), 'same');
  const { status, body } = await create(join(api.folder, 'two'), 'same');
  expect(status).toBe(409);
  expect(body.fields.name).toBeDefined();
  expect(await readdir(api.folder)).not.toContain('two');
});

test('of several at once for one folder exactly one becomes a vault', async () => {
  const path = join(api.folder, 'raced');
  const results = await Promise.all([create(path), create(path), create(path)]);
  expect(results.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  expect(await readdir(join(path, 'keys'))).toHaveLength(1);
});

test('a sealed password copied to another vault does not open there', async () => {
  const [a, b] = [await create(join(api.folder, 'a')), await create(join(api.folder, 'b'))];
  const { sealedPassword } = await api.db().vault.findUniqueOrThrow({ where: { id: a.body.id } });
  await api.db().vault.update({ where: { id: b.body.id }, data: { sealedPassword } });
  const response = await api.call('GET', `/api/v1/vaults/${b.body.id}/recovery-kit`, { cookie });
  expect(response.status).toBe(500);
  expect((await response.json()).detail).toContain('belongs to another row');
  const vault = await (await api.call('GET', `/api/v1/vaults/${b.body.id}`, { cookie })).json();
  expect(vault.kitDownloadedAt).toBeNull();
});

test('renaming keeps the rest and is written down', async () => {
  const { body } = await create(join(api.folder, 'renamed'), 'before');
  const change = { name: 'after', zone: 'basement' };
  const response = await api.call('PATCH', `/api/v1/vaults/${body.id}`, { cookie, body: change });
  expect(await response.json()).toMatchObject({ name: 'after', zone: 'basement', store: body.store });
  const audit = await api.db().auditEvent.findFirstOrThrow({ where: { action: 'vault.update' } });
  expect(audit.detail).toMatchObject({ before: { name: 'before' }, change });
});
