import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AppError } from '#lib/errors.ts';
import { FaultyStore } from '#lib/stores/faults.ts';
import type { CpuPool } from '../cpu/pool.ts';
import { DamagedRepository, damagedPerTest, FILES, makeTemplate, type Template } from '../oracle/damaged.ts';
import { describeWithRestic, PASSWORD } from '../oracle/restic.ts';
import { fileName } from '../repository/files.ts';
import { checkRepository } from './check.ts';
import { openRepository } from './open.ts';
import { repairIndex } from './repair-index.ts';
import { type RepairPacksResult, repairPacks } from './repair-packs.ts';
import { repairSnapshots } from './repair-snapshots.ts';

describeWithRestic('repair of damaged packs', (restic) => {
  let template: Template;
  let cpu: CpuPool;
  let broken: DamagedRepository;
  damagedPerTest(restic, (given) => {
    ({ broken, cpu, template } = given);
  });

  async function repair(packs: readonly string[], options = {}): Promise<RepairPacksResult> {
    return await repairPacks(await broken.open(), { packs, ...options });
  }

  async function brokenPacks(): Promise<string[]> {
    const { findings } = await checkRepository(await broken.open(), { readData: true });
    return [...new Set(findings.flatMap(({ pack, severity }) => (pack && severity === 'error' ? [pack] : [])))];
  }

  async function expectClean(): Promise<void> {
    const { findings } = await checkRepository(await broken.open(), { readData: true });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const said = restic.try(broken.folder, ['check', '--read-data']);
    expect(`${said.stdout}${said.stderr}`).toContain('no errors were found');
    expect(broken.names('locks')).toEqual([]);
  }

  /** What of the source restic's restore of the newest snapshot gives back. */
  function restored(): Record<string, boolean> {
    const target = join(broken.home, 'target');
    restic.run(broken.folder, ['restore', 'latest', '--target', target]);
    const same = (path: string, content: Buffer) => readFileSync(join(target, 'source', path)).equals(content);
    return Object.fromEntries(Object.entries(FILES).map(([path, content]) => [path, same(path, content)]));
  }

  test('fault 1: of a pack with a flipped bit every other blob is saved; the one file it hit is shortened', async () => {
    const { pack, offset, id } = await broken.place('first/large');
    broken.flipBit(fileName('pack', pack), offset + 100);
    expect(await brokenPacks()).toEqual([pack]);

    const { packs } = await repair([pack]);
    expect(packs).toMatchObject([{ id: pack, lost: [{ type: 'data', id }] }]);
    expect(packs[0]?.saved).toBe((packs[0]?.blobs ?? 0) - 1);
    expect(broken.packs()).not.toContain(pack);
    // restic says the same about what is lost now: nothing but that file.
    const said = restic.try(broken.folder, ['check', '--read-data']);
    expect(`${said.stdout}${said.stderr}`).toContain(id.slice(0, 8));

    const { changed, paths } = await repairSnapshots(await broken.open(), { forget: true });
    expect(changed).toHaveLength(2);
    expect(paths).toMatchObject([{ kind: 'shortened-file', path: '/source/first/large' }]);
    await expectClean();
    expect(restored()).toEqual({
      ...Object.fromEntries(Object.keys(FILES).map((path) => [path, true])),
      'first/large': false,
    });
  }, 60_000);

  test('fault 1: nothing is lost when the bit is in the header', async () => {
    const { pack } = await broken.place('second/other');
    broken.flipBit(fileName('pack', pack), -30);
    expect(await brokenPacks()).toEqual([pack]);
    expect((await repair([pack])).packs).toMatchObject([{ id: pack, lost: [] }]);
    await expectClean();
    expect(Object.values(restored())).not.toContain(false);
  }, 60_000);

  test('fault 2: of a truncated pack the blobs before the cut are saved', async () => {
    const { pack } = await broken.place('first/large');
    broken.truncate(fileName('pack', pack), 4_500_000);
    // The index first, as a person is told: it keeps the pack for this repair.
    expect((await repairIndex(await broken.open())).damagedPacks).toEqual([pack]);
    const { packs } = await repair([pack]);
    expect(packs[0]?.saved).toBeGreaterThan(0);
    expect(packs[0]?.lost.length).toBeGreaterThan(0);
    await repairSnapshots(await broken.open(), { forget: true });
    await expectClean();
  }, 60_000);

  test('fault 2: a pack with bytes appended loses nothing', async () => {
    const { pack } = await broken.place('first/large');
    broken.change(fileName('pack', pack), (bytes) => Buffer.concat([bytes, Buffer.from('tail')]));
    expect((await repair([pack])).packs).toMatchObject([{ lost: [] }]);
    await expectClean();
  }, 60_000);

  test('fault 5: blobs that a wrong index hides are found by the header of the pack', async () => {
    const { pack, offset } = await broken.place('first/large');
    broken.flipBit(fileName('pack', pack), offset + 100);
    await broken.changeEntry(pack, (entry) => ({ ...entry, blobs: entry.blobs.slice(0, 1) }));
    const { packs } = await repair([pack]);
    expect(packs[0]?.saved).toBe((packs[0]?.blobs ?? 0) - 1);
  }, 30_000);

  test('fault 8: a damaged blob of which another pack has a good copy is not lost', async () => {
    const { pack, offset } = await broken.place('second/text');
    const copy = readFileSync(broken.packFile(pack));
    broken.flipBit(fileName('pack', pack), offset + 40);
    // The same blobs in another pack: the one made by repairing a copy from before the damage.
    const spare = new DamagedRepository(template.home, cpu);
    await repairPacks(await spare.open(), { packs: [pack] });
    const repo = await spare.open();
    await repo.loadIndex();
    for (const { id, blobs } of repo.packs()) {
      if (broken.packs().includes(id)) continue;
      expect(broken.addPack(readFileSync(spare.packFile(id)))).toBe(id);
      const raw = blobs.map(({ uncompressedLength, ...blob }) => ({
        ...blob,
        uncompressed_length: uncompressedLength,
      }));
      await broken.writeIndex([{ id, blobs: raw }]);
    }
    await spare.dispose();
    expect(copy.length).toBeGreaterThan(0);
    const { packs } = await repair([pack]);
    expect(packs[0]).toMatchObject({ lost: [] });
    expect(packs[0]?.saved).toBeLessThan(packs[0]?.blobs ?? 0);
    await expectClean();
  }, 60_000);

  test('fault 9: a pack of format version 1 is saved uncompressed', async () => {
    const old = await makeTemplate(restic, 1);
    await broken.dispose();
    broken = new DamagedRepository(old.home, cpu);
    const { pack } = await broken.place('second/text');
    broken.flipBit(fileName('pack', pack), -30);
    expect((await repair([pack])).packs).toMatchObject([{ lost: [] }]);
    await expectClean();
    old.remove();
  }, 60_000);

  test('fault 3: a pack that is gone is forgotten, and its blobs are told', async () => {
    const { pack } = await broken.place('second/other');
    broken.remove(fileName('pack', pack));
    const { packs } = await repair([pack]);
    expect(packs[0]).toMatchObject({ size: undefined, saved: 0 });
    expect(packs[0]?.lost.length).toBe(packs[0]?.blobs);
    await repairSnapshots(await broken.open(), { forget: true });
    await expectClean();
  }, 60_000);

  test('copies of the packs are kept where asked for, and never written over', async () => {
    const { pack } = await broken.place('second/other');
    const before = readFileSync(broken.packFile(pack));
    const copiesTo = join(broken.home, 'copies');
    await repair([pack], { copiesTo });
    expect(readdirSync(copiesTo)).toEqual([`pack-${pack}`]);
    expect(readFileSync(join(copiesTo, `pack-${pack}`)).equals(before)).toBe(true);
    const { pack: other } = await broken.place('first/large');
    await repair([other], { copiesTo });
    broken.addPack(readFileSync(join(copiesTo, `pack-${other}`)));
    await expect(repair([other], { copiesTo })).rejects.toMatchObject({ code: 'EEXIST' });
    await expectClean();
  }, 60_000);

  test('a dry run says what would be saved and changes nothing', async () => {
    const { pack, offset } = await broken.place('first/large');
    broken.flipBit(fileName('pack', pack), offset + 100);
    const [packs, index] = [broken.packs(), broken.names('index')];
    const dry = await repair([pack], { dryRun: true });
    expect([broken.packs(), broken.names('index')]).toEqual([packs, index]);
    expect({ ...(await repair([pack])), dryRun: true }).toEqual(dry);
  }, 30_000);

  test('fault 22: stopped at any write or removal it leaves every good blob listed', async () => {
    const { pack } = await broken.place('first/large');
    broken.flipBit(fileName('pack', pack), -30);
    const cut = () => new AppError('unavailable', 'The line was cut.');
    for (const method of ['put', 'delete'] as const) {
      for (const kind of ['lost', 'done'] as const) {
        for (let after = 0; after < 3; after++) {
          const fault = { method, name: /^(data|index)/, after, times: 1, kind, error: cut };
          const repo = await openRepository(new FaultyStore(broken.store, [fault]), { password: PASSWORD, cpu });
          await repairPacks(repo, { packs: [pack] }).catch(() => undefined);
          await repo.close();
          const { findings } = await checkRepository(await broken.open(), { readData: true });
          expect(findings.filter(({ kind: found }) => /lost|missing-blob|tree/.test(found))).toEqual([]);
        }
      }
    }
    await repair([pack]);
    await repairIndex(await broken.open());
    await expectClean();
  }, 120_000);

  test('what is no pack id is refused', async () => {
    await expect(repair(['abc'])).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(repair([])).rejects.toMatchObject({ code: 'invalid-input' });
    expect(broken.names('locks')).toEqual([]);
  });
});
