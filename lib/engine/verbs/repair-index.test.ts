import { expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import type { Store, StoreCallOptions } from '#lib/stores/store.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { DamagedRepository, damagedPerTest, makeTemplate, type RawIndexPack } from '../oracle/damaged.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { checkRepository } from './check.ts';
import { openRepository } from './open.ts';
import { type RepairIndexOptions, type RepairIndexResult, repairIndex } from './repair-index.ts';

describeWithRestic('repair of the index', (restic) => {
  let cpu: CpuPool;
  let broken: DamagedRepository;
  damagedPerTest(restic, (given) => {
    ({ broken, cpu } = given);
  });

  async function repair(options?: RepairIndexOptions): Promise<RepairIndexResult> {
    return await repairIndex(await broken.open(), options);
  }
  const kinds = ({ findings }: RepairIndexResult) => findings.map(({ kind }) => kind).sort();

  /** By us and by restic, every byte read; and nothing more to repair. */
  async function expectClean(): Promise<void> {
    const { findings } = await checkRepository(await broken.open(), { readData: true });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const said = restic.try(broken.folder, ['check', '--read-data']);
    expect(`${said.stdout}${said.stderr}`).toContain('no errors were found');
    expect(said.status).toBe(0);
    const again = await repair();
    expect(again).toMatchObject({ findings: [], headersRead: 0, indexFiles: { written: 0, removed: 0 } });
    expect(broken.names('locks')).toEqual([]);
  }

  async function expectBroken(kind: string): Promise<void> {
    const { findings, ok } = await checkRepository(await broken.open());
    expect(ok).toBe(false);
    expect(findings.filter(({ severity }) => severity === 'error').map((finding) => finding.kind)).toContain(kind);
    expect(restic.try(broken.folder, ['check']).status).not.toBe(0);
  }

  test('finds nothing to do in a sound repository, reads no header and touches no file', async () => {
    const before = broken.names('index');
    expect(await repair()).toMatchObject({ findings: [], headersRead: 0, indexFiles: { kept: 2, written: 0 } });
    const all = await repair({ readAllPacks: true });
    expect(all).toMatchObject({
      findings: [],
      headersRead: broken.packs().length,
      indexFiles: { kept: 2, written: 0 },
    });
    expect(broken.names('index')).toEqual(before);
  });

  test('fault 7: lost index files are made again from the headers of the packs', async () => {
    for (const id of broken.names('index')) broken.remove(`index/${id}`);
    await expectBroken('damaged-tree');
    const result = await repair();
    expect(new Set(kinds(result))).toEqual(new Set(['unknown-pack']));
    expect(result.indexFiles).toEqual({ kept: 0, written: 1, removed: 0 });
    await expectClean();
  }, 30_000);

  test('fault 7: one lost index file costs the headers of its packs only, the other file stays', async () => {
    const [lost, other] = broken.names('index');
    broken.remove(`index/${lost}`);
    const known = (await broken.readIndex(other as string)).length;
    const result = await repair();
    expect(result.headersRead).toBe(broken.packs().length - known);
    expect(broken.names('index')).toContain(other);
    await expectClean();
  }, 30_000);

  test.each([
    ['truncated', (bytes: Buffer) => bytes.subarray(0, 100)],
    ['empty', () => Buffer.alloc(0)],
    ['changed in one bit', (bytes: Buffer) => bytes.fill((bytes[60] as number) ^ 4, 60, 61)],
  ])(
    'fault 7: an index file that is %s is named and replaced',
    async (_, change) => {
      const [id] = broken.names('index');
      broken.change(`index/${id}`, change);
      await expectBroken('damaged-index');
      const result = await repair();
      expect(result.findings).toContainEqual(expect.objectContaining({ kind: 'unreadable-index', index: id }));
      expect(broken.names('index')).not.toContain(id);
      await expectClean();
    },
    30_000,
  );

  test('a dry run says the same and changes nothing', async () => {
    broken.remove(`index/${broken.names('index')[0]}`);
    broken.truncate(`index/${broken.names('index')[0]}`, 10);
    const before = broken.names('index');
    const dry = await repair({ dryRun: true });
    expect(broken.names('index')).toEqual(before);
    const real = await repair();
    expect(kinds(dry)).toEqual(kinds(real));
    await expectClean();
  }, 30_000);

  test('fault 8: a pack that two index files list equally is listed once afterwards', async () => {
    const [first] = broken.names('index');
    const packs = await broken.readIndex(first as string);
    await broken.writeIndex([packs[0] as RawIndexPack]);
    expect(kinds(await repair())).toEqual(['duplicate-index']);
    expect(broken.names('index')).toContain(first);
    expect(broken.names('index')).toHaveLength(2);
    await expectClean();
  }, 30_000);

  test('fault 8: a whole index file that is there twice, and a pack listed twice in one file', async () => {
    const [first] = broken.names('index');
    const packs = await broken.readIndex(first as string);
    await broken.writeIndex([...packs, ...packs]);
    expect(kinds(await repair())).toEqual(packs.map(() => 'duplicate-index'));
    await expectClean();
  }, 30_000);

  test('fault 8: of index files that contradict each other the header of the pack decides', async () => {
    const { pack } = await broken.place('first/large');
    const entries = (await Promise.all(broken.names('index').map((id) => broken.readIndex(id)))).flat();
    const entry = entries.find(({ id }) => id === pack) as RawIndexPack;
    await broken.writeIndex([{ id: pack, blobs: entry.blobs.slice(1) }]);
    const checked = await checkRepository(await broken.open());
    expect(checked.findings).toContainEqual(expect.objectContaining({ kind: 'contradictory-index', pack }));
    const result = await repair();
    expect(result).toMatchObject({ headersRead: 1, findings: [{ kind: 'wrong-index', pack }] });
    await expectClean();
  }, 30_000);

  test('fault 8: the blobs of one pack, split over two index files, are brought together', async () => {
    const { pack } = await broken.place('first/large');
    let half: RawIndexPack | undefined;
    await broken.changeEntry(pack, (entry) => {
      half = { id: pack, blobs: entry.blobs.slice(1) };
      return { id: pack, blobs: entry.blobs.slice(0, 1) };
    });
    await broken.writeIndex([half as RawIndexPack]);
    expect((await checkRepository(await broken.open())).ok).toBe(false);
    expect(await repair()).toMatchObject({ headersRead: 1, findings: [{ kind: 'wrong-index', pack }] });
    await expectClean();
  }, 30_000);

  const sorted = ({ blobs }: RawIndexPack) => blobs.toSorted((a, b) => a.offset - b.offset);
  const wrong =
    (change: (blob: RawIndexPack['blobs'][number]) => object, at = 0) =>
    (entry: RawIndexPack) => ({
      ...entry,
      blobs: sorted(entry).map((blob, i) => (i === at ? { ...blob, ...change(blob) } : blob)),
    });

  test.each([
    ['offset', wrong(({ offset }) => ({ offset: offset + 7 })), 'wrong-layout'],
    ['length', wrong(({ length }) => ({ length: length + 7 })), 'wrong-layout'],
    ['overlap', wrong(({ offset }) => ({ offset: offset - 7 }), 1), 'wrong-layout'],
    ['blob too few', (entry: RawIndexPack) => ({ ...entry, blobs: sorted(entry).slice(0, -1) }), 'wrong-size'],
  ])(
    'fault 5: a wrong %s in an index is found without reading packs and taken from the header',
    async (_, change, kind) => {
      const { pack } = await broken.place('first/large');
      await broken.changeEntry(pack, change);
      const checked = await checkRepository(await broken.open());
      expect(checked.findings).toContainEqual(expect.objectContaining({ severity: 'error', kind, pack }));
      expect(await repair()).toMatchObject({ headersRead: 1, findings: [{ kind: 'wrong-index', pack }] });
      await expectClean();
    },
    30_000,
  );

  test.each([
    ['fault 5', 'id', wrong(({ id }) => ({ id: `00${id.slice(2)}` }))],
    ['fault 5', 'type', wrong(() => ({ type: 'tree' }))],
    [
      'fault 6',
      'length before compression',
      wrong((blob) => ({ uncompressed_length: (blob.uncompressed_length ?? 0) + 9 })),
    ],
  ])(
    '%s: a wrong %s in an index is found by comparing all headers',
    async (_, __, change) => {
      const { pack } = await broken.place('second/text');
      await broken.changeEntry(pack, change);
      expect((await checkRepository(await broken.open(), { readData: true })).findings).toContainEqual(
        expect.objectContaining({ kind: 'wrong-index', pack }),
      );
      expect(restic.try(broken.folder, ['check', '--read-data']).status).not.toBe(0);
      expect((await repair()).findings).toEqual([]);
      expect((await repair({ readAllPacks: true })).findings).toEqual([
        expect.objectContaining({ kind: 'wrong-index', pack }),
      ]);
      await expectClean();
    },
    30_000,
  );

  test('fault 3: a pack that is gone is forgotten by the index, everything else stays', async () => {
    const { pack } = await broken.place('second/other');
    broken.remove(`data/${pack.slice(0, 2)}/${pack}`);
    expect((await repair()).findings).toEqual([expect.objectContaining({ kind: 'missing-pack', pack })]);
    const { findings } = await checkRepository(await broken.open());
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['missing-blob']));
    expect((await repair()).findings).toEqual([]);
  }, 30_000);

  test('fault 28: a pack that a listing leaves out is asked for by name and not forgotten', async () => {
    const { pack } = await broken.place('second/other');
    const forgetful = new (class extends FaultyStore {
      override async *list(prefix: string, options?: StoreCallOptions) {
        for await (const entry of super.list(prefix, options)) if (!entry.name.endsWith(pack)) yield entry;
      }
    })(broken.store, []) as Store;
    const repo = await openRepository(forgetful, { password: PASSWORD });
    expect((await repairIndex(repo)).findings).toEqual([]);
    await repo.close();
  });

  test('fault 2: a pack of zero bytes is named and left out', async () => {
    const { pack } = await broken.place('second/other');
    broken.truncate(`data/${pack.slice(0, 2)}/${pack}`, 0);
    await expectBroken('wrong-size');
    const result = await repair();
    expect(result.findings).toContainEqual(
      expect.objectContaining({ kind: 'damaged-pack', pack, message: expect.stringContaining('left out') }),
    );
    expect(result.damagedPacks).toEqual([]);
    const { findings } = await checkRepository(await broken.open());
    expect(new Set(findings.map(({ kind }) => kind))).toEqual(new Set(['missing-blob', 'unreferenced-pack']));
  }, 30_000);

  test('fault 2: a truncated pack is named, and stays listed while blobs of it may still open', async () => {
    const { pack } = await broken.place('first/large');
    broken.truncate(`data/${pack.slice(0, 2)}/${pack}`, 3_500_000);
    const result = await repair();
    expect(result.damagedPacks).toEqual([pack]);
    expect(kinds(result)).toEqual(['damaged-pack', 'wrong-index']);
    expect(result.indexFiles).toMatchObject({ written: 0, removed: 0 });
  }, 30_000);

  test.each([
    ['is empty', () => Buffer.alloc(0)],
    ['is shorter than any pack', () => Buffer.alloc(40)],
    ['gives its header the length 0', () => Buffer.alloc(1000)],
    ['gives its header more bytes than it has', () => Buffer.alloc(1000, 0x7f)],
    ['gives its header 17 MiB', () => Buffer.concat([Buffer.alloc(1000), Buffer.of(0, 0, 0x10, 1)])],
    ['has a header that is no envelope', () => Buffer.concat([Buffer.alloc(1000, 7), Buffer.of(100, 0, 0, 0)])],
  ])('fault 4: a foreign pack that %s is named and left out', async (_, content) => {
    const pack = broken.addPack(content());
    const result = await repair();
    expect(result.findings).toEqual([
      expect.objectContaining({ kind: 'damaged-pack', pack, message: expect.stringContaining('left out') }),
    ]);
    expect(result.indexFiles).toMatchObject({ kept: 2, written: 0, removed: 0 });
    expect((await checkRepository(await broken.open())).ok).toBe(true);
  });

  test('fault 9: an index that supersedes others, and raw JSON with unknown fields, are right as they are', async () => {
    const [gone] = broken.names('index');
    await broken.rewriteIndexes((packs) => packs.map((pack) => ({ ...pack, colour: 'blue' })), { supersedes: [gone] });
    expect((await repair()).findings).toEqual([]);
    await expectClean();
  }, 30_000);

  test('fault 9: a repository of format version 1 gets its index back', async () => {
    const old = await makeTemplate(restic, 1);
    await broken.dispose();
    broken = new DamagedRepository(old.home, cpu);
    for (const id of broken.names('index')) broken.remove(`index/${id}`);
    await repair();
    await expectClean();
    old.remove();
  }, 60_000);

  test('fault 30: where nothing may be deleted the new index is written, and the failure is told', async () => {
    broken.truncate(`index/${broken.names('index')[0]}`, 10);
    const denied = () => new AppError('permission-denied', 'Nothing may be deleted here.');
    const store = new FaultyStore(broken.store, [{ method: 'delete', name: /^index/, error: denied }]);
    const repo = await openRepository(store, { password: PASSWORD });
    await expect(repairIndex(repo)).rejects.toMatchObject({ code: 'permission-denied' });
    await repo.close();
    expect(broken.names('index')).toHaveLength(3);
    await repair();
    await expectClean();
  }, 30_000);

  test('fault 22: stopped at any write or removal it leaves every pack listed, and the next run completes it', async () => {
    const [first, second] = broken.names('index');
    broken.truncate(`index/${first}`, 10);
    const packs = await broken.readIndex(second as string);
    await broken.writeIndex(packs);
    await broken.writeIndex(packs.map((pack) => ({ ...pack, blobs: pack.blobs.slice(1) })));
    const cut = () => new AppError('unavailable', 'The line was cut.');
    for (const method of ['put', 'delete'] as const) {
      for (const kind of ['lost', 'done'] as const) {
        for (let after = 0; after < 4; after++) {
          const store = new FaultyStore(broken.store, [{ method, name: /^index/, after, times: 1, kind, error: cut }]);
          const repo = await openRepository(store, { password: PASSWORD });
          await repairIndex(repo).catch(() => undefined);
          await repo.close();
        }
      }
    }
    await repair();
    await expectClean();
  }, 60_000);

  test('can be cancelled and leaves no lock', async () => {
    const signal = AbortSignal.abort();
    await expect(repairIndex(await broken.open(), { signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(broken.names('locks')).toEqual([]);
  });
});
