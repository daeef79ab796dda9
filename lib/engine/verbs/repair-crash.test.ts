// Deaths of the repairs and of a copy at every call that changes the store: before it, and after it when nobody heard of it.

import { expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { type Fault, FaultyStore } from '#lib/stores/faults.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { DamagedRepository, damagedPerTest, type RawIndexPack, type Template } from '../oracle/damaged.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import { checkRepository } from './check.ts';
import { copySnapshots } from './copy.ts';
import { initRepository } from './init.ts';
import { openRepository } from './open.ts';
import { repairIndex } from './repair-index.ts';
import { repairPacks } from './repair-packs.ts';
import { repairSnapshots } from './repair-snapshots.ts';
import { loadSnapshot } from './snapshots.ts';

const CHANGES = ['put', 'delete'] as const;
const died = () => new AppError('internal', 'The process died.');

/** From the change after `after` on nothing gets through; with 'done' that one still does. */
function deathAfter(after: number, kind: 'lost' | 'done'): Fault[] {
  const lost: Fault = { method: CHANGES, after, kind: 'lost', error: died };
  return kind === 'lost' ? [lost] : [{ method: CHANGES, after, times: 1, kind: 'done', error: died }, lost];
}

interface Work {
  run: (repo: Repository) => Promise<unknown>;
  /** What must hold after a death, before anything is run again. */
  holds: (vault: DamagedRepository) => Promise<void>;
}

describeWithRestic('fault 22: a process that dies in the middle', (restic) => {
  // What is read afterwards is restic's judgement on 'lost' only: the other way to die once is enough.
  const KINDS: ('lost' | 'done')[] = restic.label === 'newest' ? ['lost', 'done'] : ['lost'];
  let template: Template;
  let cpu: CpuPool;
  let base: DamagedRepository;
  damagedPerTest(restic, (given) => {
    ({ broken: base, cpu, template } = given);
  });

  /** At every change in turn, until one run is not met by death any more; gives how many changes there were. */
  async function dieEverywhere(kind: 'lost' | 'done', { run, holds }: Work): Promise<number> {
    for (let after = 0; ; after++) {
      const vault = new DamagedRepository(base.home, cpu);
      const store = new FaultyStore(vault.store, deathAfter(after, kind));
      const dying = await openRepository(store, { password: PASSWORD, cpu });
      const reached = await run(dying).then(
        () => false,
        () => true,
      );
      await dying.close();
      // The dead leave their lock, which a person removes.
      for (const lock of vault.names('locks')) vault.remove(`locks/${lock}`);
      await holds(vault);
      await run(await vault.open());
      await repairIndex(await vault.open());
      const { findings } = await checkRepository(await vault.open(), { readData: true });
      expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
      if (kind === 'lost') {
        const said = restic.try(vault.folder, ['check', '--read-data']);
        expect(`${said.stdout}${said.stderr}`).toContain('no errors were found');
      }
      await vault.dispose();
      if (!reached) return after;
    }
  }

  test.each(KINDS)(
    'in a repair of the index forgets no blob (%s)',
    async (kind) => {
      const [first, second] = base.names('index');
      const packs = await base.readIndex(second as string);
      base.truncate(`index/${first}`, 10);
      await base.writeIndex(packs);
      await base.writeIndex(packs.map((pack) => ({ ...pack, blobs: pack.blobs.slice(1) })));
      const known = packs.flatMap(({ blobs }: RawIndexPack) => blobs);
      const changes = await dieEverywhere(kind, {
        run: (repo) => repairIndex(repo),
        holds: async (vault) => {
          // Damaged index files may be there still: all others together know every blob.
          const repo = await vault.open();
          for (const id of vault.names('index')) {
            const content = await vault.readIndex(id).catch(() => []);
            repo.indexWritten(id as never, content as never);
          }
          for (const { type, id } of known) expect(repo.lookup(type as 'data', id), id).toBeDefined();
        },
      });
      // A lock, the new index file, three old ones.
      expect(changes).toBeGreaterThanOrEqual(5);
    },
    120_000,
  );

  test.each(KINDS)(
    'in a repair of packs loses no blob that opened (%s)',
    async (kind) => {
      const { pack } = await base.place('first/large');
      base.flipBit(fileName('pack', pack), -30);
      const changes = await dieEverywhere(kind, {
        run: (repo) => repairPacks(repo, { packs: [pack] }),
        holds: async (vault) => {
          const { damagedSnapshots } = await checkRepository(await vault.open(), { readData: true });
          expect(damagedSnapshots).toEqual([]);
        },
      });
      // A lock, a pack, its index, the rewritten index, the old one, the damaged pack, the lock.
      expect(changes).toBeGreaterThanOrEqual(6);
    },
    120_000,
  );

  test.each(KINDS)(
    'in a repair of snapshots leaves each one damaged or repaired (%s)',
    async (kind) => {
      await base.loseBlob((await base.place('first/large', 1)).id);
      const before = base.names('snapshots');
      const changes = await dieEverywhere(kind, {
        run: (repo) => repairSnapshots(repo, { forget: true }),
        holds: async (vault) => {
          const repo = await vault.open();
          const there = await Promise.all(vault.names('snapshots').map((id) => loadSnapshot(repo, id as never)));
          for (const id of before) {
            expect(there.some((snapshot) => snapshot.id === id || snapshot.original === id)).toBe(true);
          }
        },
      });
      // A lock, a pack, its index, two new snapshots, two old ones, the lock.
      expect(changes).toBeGreaterThanOrEqual(7);
    },
    120_000,
  );

  test.each(KINDS)(
    'in a copy leaves a target without a broken snapshot (%s)',
    async (kind) => {
      const source = new DamagedRepository(template.home, cpu);
      const from = await source.open();
      // An empty one in the place of the damaged one.
      for (const name of ['data', 'index', 'snapshots', 'keys', 'config']) base.removeAll(name);
      await (await initRepository(base.store, { password: PASSWORD, kdf: { N: 1024, r: 8, p: 1 } })).close();
      const changes = await dieEverywhere(kind, {
        run: (repo) => copySnapshots(from, repo),
        holds: async (vault) => {
          expect(await checkRepository(await vault.open(), { readData: true })).toMatchObject({ ok: true });
          expect(source.names('locks')).toEqual([]);
        },
      });
      // A lock, two packs, an index, two snapshots, the lock.
      expect(changes).toBeGreaterThanOrEqual(6);
      expect((await checkRepository(from)).ok).toBe(true);
      await source.dispose();
    },
    120_000,
  );
});
