// Snapshots that exist and are not known: left by a worker that died in between, or made by another program.

import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forgetConfig } from '#lib/config.ts';
import type { Actor } from '#lib/contracts/access.ts';
import { countRecoveryPoints, listRecoveryPoints } from '#lib/db/recovery-points.ts';
import { findNewestPoint, listRecordedSnapshots } from '#lib/db/run-facts.ts';
import { insertSource, listSources } from '#lib/db/sources.ts';
import { listVaults } from '#lib/db/vaults.ts';
import { registerWorker } from '#lib/db/workers.ts';
import type { SnapshotSummary } from '#lib/engine/types.ts';
import { backup } from '#lib/engine/verbs/backup.ts';
import { closeCourier } from '#lib/live/instance.ts';
import { forgetMasterKey } from '#lib/secrets/instance.ts';
import { useTestDatabase } from '../../testing/database.ts';
import { type OpenVault, openVault } from './open-vault.ts';
import { reconcileVault, recordSnapshot, settleMissing, sizeWarnings, snapshotTags } from './recovery-point-index.ts';
import { createVault } from './vaults.ts';

useTestDatabase();

const owner: Actor = { userId: 'u', email: 'ada@example.org', role: 'owner' };
let root: string;
let vaultId: string;
let sourceId: string;
let open: OpenVault;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-index-'));
  process.env.HOLDFAST_DATA_DIR = join(root, 'data');
  forgetConfig();
  forgetMasterKey();
  await mkdir(join(root, 'data'));
  await mkdir(join(root, 'src'));
  await writeFile(join(root, 'src', 'a'), 'alpha');
  vaultId = (await createVault(owner, { name: 'v', store: { kind: 'local', path: join(root, 'vault') } })).id;
  const workerId = randomUUID();
  await registerWorker({ id: workerId, name: 'w', hostname: 'h', platform: 'p', version: '1', pid: 1, concurrency: 1 });
  sourceId = await insertSource(
    { name: 's', workerId, config: { kind: 'directory', path: join(root, 'src'), excludes: [] } },
    owner,
  );
  open = await openVault(vaultId);
});

afterAll(async () => {
  await open?.close();
  await closeCourier();
  delete process.env.HOLDFAST_DATA_DIR;
  forgetConfig();
  forgetMasterKey();
  await rm(root, { recursive: true, force: true });
});

const snapshot = async (tags: string[]) =>
  (await backup(open.repository, { paths: [join(root, 'src')], hostname: 'h', tags })).snapshot;
const points = async () => (await listRecoveryPoints({ vaultId, limit: 50 })).items;

test('a snapshot without a row gets one, once, with source and run from its tags', async () => {
  const runId = randomUUID();
  const made = await snapshot(snapshotTags(sourceId, runId));
  expect(await reconcileVault(vaultId, open.repository)).toEqual({ added: 1, unreadable: [] });
  expect(await reconcileVault(vaultId, open.repository)).toEqual({ added: 0, unreadable: [] });
  expect(await points()).toMatchObject([{ snapshotId: made.id, source: { id: sourceId }, runId, files: 1, bytes: 5 }]);
});

test('recording the same snapshot twice, or from two workers at once, makes one point', async () => {
  const made = await snapshot(snapshotTags(sourceId, randomUUID()));
  const ids = await Promise.all([
    recordSnapshot(vaultId, made, 3),
    recordSnapshot(vaultId, made, 3),
    reconcileVault(vaultId, open.repository),
  ]);
  expect(ids[0]).toBe(ids[1]);
  expect((await points()).filter((point) => point.snapshotId === made.id).length).toBe(1);
});

test('a snapshot of another program, or with tags that lie, is listed without source', async () => {
  const foreign = await snapshot(['weekly']);
  const lying = await snapshot(['holdfast:source=../../etc', `holdfast:run=${'x'.repeat(500)}`]);
  const removed = await snapshot(snapshotTags(randomUUID(), randomUUID()));
  expect((await reconcileVault(vaultId, open.repository)).added).toBe(3);
  const found = await points();
  for (const { id } of [foreign, lying, removed]) {
    expect(found.find((point) => point.snapshotId === id)).toMatchObject({ source: null });
  }
});

test('one damaged snapshot does not keep the others from being found', async () => {
  const damaged = await snapshot(['a']);
  const whole = await snapshot(['b']);
  const folder = join(root, 'vault', 'snapshots');
  expect(await readdir(folder)).toContain(damaged.id);
  await rm(join(folder, damaged.id));
  await writeFile(join(folder, damaged.id), 'not a snapshot');
  expect(await reconcileVault(vaultId, open.repository)).toEqual({ added: 1, unreadable: [damaged.id] });
  expect((await points()).some((point) => point.snapshotId === whole.id)).toBe(true);
  await rm(join(folder, damaged.id));
});

test('odd snapshots are recorded as far as they make sense, and keep no other from being found', async () => {
  const whole = await snapshot(['whole']);
  const write = async (fields: Record<string, unknown>) =>
    open.repository.saveUnpacked('snapshot', Buffer.from(JSON.stringify({ ...whole, id: undefined, ...fields })));
  const nul = await write({ hostname: 'a\0b', paths: ['/x\0\ud800', 7] });
  const types = await write({
    hostname: 9,
    tags: 'holdfast:source=x',
    summary: { total_files_processed: 1.5, total_bytes_processed: -1, data_added: '3', data_added_packed: 1e300 },
  });
  const tags = await write({ tags: [null, 5, ...snapshotTags(sourceId, randomUUID())] });
  const dates = [await write({ time: '2024-02-30T25:00:00Z' }), await write({ time: '0000-01-01T00:00:00Z' })];
  const { unreadable } = await reconcileVault(vaultId, open.repository);
  expect(unreadable.toSorted()).toEqual(dates.toSorted());
  const found = await points();
  const point = (id: string) => found.find(({ snapshotId }) => snapshotId === id);
  expect(point(whole.id)).toBeDefined();
  expect(point(nul)).toMatchObject({ hostname: 'a\uFFFDb', paths: ['/x\uFFFD\uFFFD'] });
  expect(point(types)).toMatchObject({ source: null, hostname: '', files: 0, bytes: 0, addedBytes: 0, storedBytes: 0 });
  expect(point(tags)).toMatchObject({ source: { id: sourceId } });
  for (const id of dates) await open.repository.removeFile('snapshot', id);
});

test('who made the snapshot has the last word on its problems, whoever recorded it first', async () => {
  const made = await snapshot(snapshotTags(sourceId, randomUUID()));
  const problems = async () => (await points()).find(({ snapshotId }) => snapshotId === made.id)?.problemCount;
  await reconcileVault(vaultId, open.repository);
  expect(await problems()).toBe(0);
  await recordSnapshot(vaultId, made, 4);
  expect(await problems()).toBe(4);
  await reconcileVault(vaultId, open.repository);
  expect(await problems()).toBe(4);
});

test('a recovery point whose snapshot is gone is told once, counts no more, and comes back with its file', async () => {
  const folder = join(root, 'vault', 'snapshots');
  const older = await snapshot(snapshotTags(sourceId, randomUUID()));
  const made = await snapshot(snapshotTags(sourceId, randomUUID()));
  await reconcileVault(vaultId, open.repository);
  const settle = async () => {
    const findings = await settleMissing(vaultId, await listRecordedSnapshots(vaultId), open.repository);
    return findings.map((finding) => finding.snapshot);
  };
  const point = async () => (await points()).find(({ snapshotId }) => snapshotId === made.id);
  const source = async () => (await listSources(new Date(), sourceId))[0];
  // Left behind by the tests before.
  await settle();
  const before = { points: (await source())?.recoveryPoints ?? 0, all: await countRecoveryPoints() };
  expect(await point()).toMatchObject({ missingSince: null });

  await rename(join(folder, made.id), join(root, 'away'));
  const recorded = await listRecordedSnapshots(vaultId);
  const [finding] = await settleMissing(vaultId, recorded, open.repository);
  expect(finding).toMatchObject({ severity: 'error', kind: 'missing-snapshot', snapshot: made.id });
  expect(finding?.message).toMatch(
    new RegExp(`^The recovery point of "s" made at .* is missing: its snapshot ${made.id.slice(0, 8)} `),
  );
  const missing = await point();
  expect(Date.now() - Date.parse(missing?.missingSince ?? '')).toBeLessThan(60_000);
  expect(await settle()).toEqual([]);
  expect((await point())?.missingSince).toBe(missing?.missingSince);
  expect(await source()).toMatchObject({ state: 'missing', recoveryPoints: before.points - 1 });
  expect((await source())?.lastPoint?.id).toBe((await points()).find((one) => one.snapshotId === older.id)?.id);
  expect(await countRecoveryPoints()).toBe(before.all - 1);
  expect((await listVaults(vaultId))[0]?.recoveryPoints).toBe(before.all - 1);

  await rename(join(root, 'away'), join(folder, made.id));
  expect(await settle()).toEqual([]);
  expect(await point()).toMatchObject({ missingSince: null });
  expect((await source())?.state).not.toBe('missing');

  // The next backup notices it as well.
  await rename(join(folder, made.id), join(root, 'away'));
  expect(await settle()).toEqual([made.id]);
  await rename(join(root, 'away'), join(folder, made.id));
  await reconcileVault(vaultId, open.repository);
  expect(await point()).toMatchObject({ missingSince: null });
});

test('a backup that shrank to a tenth is not called good', async () => {
  const newest = await findNewestPoint(sourceId);
  expect(newest?.files).toBe(1);
  expect(sizeWarnings(newest, { files: 1, empty: false, path: '/x' })).toEqual([]);
  expect(sizeWarnings(null, { files: 1, empty: false, path: '/x' })).toEqual([]);
  const made = await snapshot(snapshotTags(sourceId, randomUUID()));
  const grown = { ...made, id: 'f'.repeat(64) as typeof made.id, time: new Date(Date.now() + 60_000).toISOString() };
  await recordSnapshot(
    vaultId,
    { ...grown, summary: { ...(made.summary as SnapshotSummary), total_files_processed: 1_000 } },
    0,
  );
  const larger = await findNewestPoint(sourceId);
  expect(sizeWarnings(larger, { files: 99, empty: false, path: '/x' })).toEqual([
    expect.stringMatching(/Only 99 files .* had 1,000 files/),
  ]);
  expect(sizeWarnings(larger, { files: 101, empty: false, path: '/x' })).toEqual([]);
  expect(sizeWarnings(larger, { files: 0, empty: true, path: '/x' })).toEqual([
    expect.stringMatching(/"\/x" is empty/),
  ]);
});
