// Crashes of forget and prune at every call that changes the store: before it, and after it when the answer was lost.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { type Fault, FaultyStore } from '#lib/stores/faults.ts';
import { LocalStore } from '#lib/stores/local.ts';
import { noise } from '../oracle/odd-folder.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import type { Repository } from '../repository/repository.ts';
import type { SnapshotId } from '../types.ts';
import { backup } from './backup.ts';
import { checkRepository } from './check.ts';
import { executeForget, planForget } from './forget.ts';
import { initRepository } from './init.ts';
import { findNode } from './ls-walk.ts';
import { openRepository } from './open.ts';
import { executePrune, planPrune } from './prune.ts';
import { listSnapshots } from './snapshots.ts';

const CHANGES = ['put', 'delete'] as const;
const LIMITS = { maxUnused: { bytes: 0 } };

let home: string;
let template: string;
let source: string;
let kept: SnapshotId;

const kept1 = noise(60_000, 11);
const kept2 = noise(400_000, 13);

/** Work for every stage: a pack of its own to delete, packs to carry over, packs no index names, several index files. */
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-prune-crash-'));
  template = join(home, 'template');
  source = join(home, 'source');
  mkdirSync(source);
  const repo = await initRepository(new LocalStore(template), { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } });
  const store = async (files: Record<string, Buffer>) => {
    rmSync(source, { recursive: true });
    mkdirSync(source);
    for (const [name, content] of Object.entries(files)) writeFileSync(join(source, name), content);
    return (await backup(repo, { paths: [source], hostname: 'here' })).snapshot.id;
  };
  await store({ gone: noise(300_000, 1), shared: kept1 });
  await store({ alone: noise(200_000, 3) });
  const indexes = readdirSync(join(template, 'index'));
  const lost = await store({ lost: noise(100_000, 5) });
  for (const name of readdirSync(join(template, 'index'))) {
    if (!indexes.includes(name)) rmSync(join(template, 'index', name), { force: true });
  }
  rmSync(join(template, 'snapshots', lost), { force: true });
  await repo.close();
  const again = await openRepository(new LocalStore(template), { password: PASSWORD });
  rmSync(source, { recursive: true });
  mkdirSync(source);
  writeFileSync(join(source, 'shared'), kept1);
  writeFileSync(join(source, 'new'), kept2);
  kept = (await backup(again, { paths: [source], hostname: 'here' })).snapshot.id;
  await again.close();
}, 30_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const died = () => new AppError('internal', 'The process died.');

/** From the change after `after` on nothing gets through; with 'done' that one still does, and nobody hears of it. */
function deathAfter(after: number, kind: 'lost' | 'done'): Fault[] {
  const lost: Fault = { method: CHANGES, after, kind: 'lost', error: died };
  return kind === 'lost' ? [lost] : [{ method: CHANGES, after, times: 1, kind: 'done', error: died }, lost];
}

async function forgetAndPrune(repo: Repository): Promise<void> {
  const lock = await repo.lock('exclusive');
  try {
    const plan = await planForget(repo, { rules: { last: 1 }, groupBy: [] });
    const { failure } = await executeForget(repo, plan, { lock });
    if (failure) throw failure;
    const result = await executePrune(repo, await planPrune(repo, { ...LIMITS, lock }), { lock });
    if (result.failure) throw result.failure;
  } finally {
    await lock.release();
  }
}

function files(vault: string, folder: string): string[] {
  return readdirSync(join(vault, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

async function opened<T>(vault: string, work: (repo: Repository) => Promise<T>, faults: Fault[] = []): Promise<T> {
  const repo = await openRepository(new FaultyStore(new LocalStore(vault), faults), { password: PASSWORD });
  try {
    return await work(repo);
  } finally {
    await repo.close();
  }
}

/** Errors only: what the next prune removes is a hint. And what was kept is there, byte for byte. */
async function expectWhole(vault: string, what: string): Promise<void> {
  await opened(vault, async (repo) => {
    const { findings } = await checkRepository(repo, { readData: true, noLock: true });
    expect(
      findings.filter(({ severity }) => severity === 'error').map(({ message }) => message),
      what,
    ).toEqual([]);
    const snapshot = (await listSnapshots(repo)).find(({ id }) => id === kept);
    for (const [name, content] of [
      ['shared', kept1],
      ['new', kept2],
    ] as const) {
      const node = snapshot && (await findNode(repo, snapshot.tree, join(source, name)));
      const parts = await Promise.all((node?.content ?? []).map((id) => repo.loadBlob('data', id)));
      expect(Buffer.concat(parts).equals(content), `${what}: ${name}`).toBe(true);
    }
  });
}

function freshVault(): string {
  const vault = mkdtempSync(join(home, 'vault-'));
  cpSync(template, vault, { recursive: true });
  return vault;
}

/** Runs until the death; the dead leave their lock, which a person removes. False when it was not reached. */
async function dieAt(vault: string, after: number, kind: 'lost' | 'done'): Promise<boolean> {
  const reached = await opened(
    vault,
    (repo) =>
      forgetAndPrune(repo)
        .then(() => false)
        .catch(() => true),
    deathAfter(after, kind),
  );
  for (const name of files(vault, 'locks')) rmSync(join(vault, 'locks', name), { force: true });
  return reached;
}

let goal: { packs: number; indexes: number };
let changes = 0;

beforeAll(async () => {
  const vault = freshVault();
  const store = new FaultyStore(new LocalStore(vault), []);
  const repo = await openRepository(store, { password: PASSWORD });
  await forgetAndPrune(repo);
  await repo.close();
  changes = store.calls.filter((call) => /^(put|delete) /.test(call)).length;
  goal = { packs: files(vault, 'data').length, indexes: files(vault, 'index').length };
  // Every stage was there.
  expect(store.calls.some((call) => call.startsWith('put data/'))).toBe(true);
  expect(store.calls.some((call) => call.startsWith('delete index/'))).toBe(true);
  expect(files(template, 'data').length).toBeGreaterThan(goal.packs);
}, 30_000);

describe('a forget and prune that dies', () => {
  test.each(['lost', 'done'] as const)(
    'at any change (%s) leaves a whole repository, and the next one finishes',
    async (kind) => {
      expect(changes).toBeGreaterThan(12);
      for (let after = 0; after < changes - 1; after++) {
        const vault = freshVault();
        const what = `${kind}, after ${after} changes`;
        expect(await dieAt(vault, after, kind), what).toBe(true);
        await expectWhole(vault, what);
        await opened(vault, forgetAndPrune);
        await expectWhole(vault, `${what}, pruned again`);
        expect({ packs: files(vault, 'data').length, indexes: files(vault, 'index').length }, what).toEqual(goal);
        rmSync(vault, { recursive: true, force: true });
      }
    },
    180_000,
  );
});

describeWithRestic('what a dead prune leaves is clean for', (restic) => {
  test('its check, at any change', async () => {
    for (let after = 2; after < changes - 1; after++) {
      const vault = freshVault();
      await dieAt(vault, after, 'done');
      restic.run(vault, ['check', '--read-data']);
      // And restic itself may be the one that finishes.
      if (after % 4 === 0) {
        restic.run(vault, ['prune', '--max-unused', '0']);
        await expectWhole(vault, `after ${after}, pruned by restic`);
      }
      rmSync(vault, { recursive: true, force: true });
    }
  }, 180_000);
});
