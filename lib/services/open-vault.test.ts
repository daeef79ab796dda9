import { cp, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetConfig } from '#lib/config.ts';
import type { Actor } from '#lib/contracts/access.ts';
import { listSnapshots } from '#lib/engine/verbs/snapshots.ts';
import { closeCourier } from '#lib/live/instance.ts';
import { forgetMasterKey } from '#lib/secrets/instance.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { closeReaders, holdVault, readVault } from './open-vault.ts';
import { createVault } from './vaults.ts';

useTestDatabase();

const owner: Actor = { userId: 'u', email: 'ada@example.org', role: 'owner' };
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-readers-'));
  process.env.HOLDFAST_DATA_DIR = join(root, 'data');
  forgetConfig();
  forgetMasterKey();
  await mkdir(join(root, 'data'));
});

afterAll(async () => {
  await closeReaders();
  await closeCourier();
  delete process.env.HOLDFAST_DATA_DIR;
  forgetConfig();
  forgetMasterKey();
  await rm(root, { recursive: true, force: true });
});

const ways: [string, (id: string) => Promise<unknown>][] = [
  ['read', (id) => readVault(id, ({ repository }) => listSnapshots(repository))],
  ['held', async (id) => (await holdVault(id)).done()],
];

test.each(ways)(
  'a vault whose disk went away is %s again as soon as it is back, as another mount',
  async (name, use) => {
    const path = join(root, name);
    const { id } = await createVault(owner, { name, store: { kind: 'local', path } });
    await use(id);

    await rename(path, `${path}-away`);
    await mkdir(path);
    await expect(use(id)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await readdir(path)).toEqual([]);

    // A copy has another inode, as a share has another device number when it is mounted again.
    await rm(path, { recursive: true });
    await cp(`${path}-away`, path, { recursive: true });
    await use(id);
  },
);
