// Random repositories in memory: whatever the plan, what is needed is still there afterwards.

import { expect, test } from 'vitest';
import { entryBytes, headerBytes, type PackEntry } from '../format/pack.ts';
import { BlobIndex, SharedIndexReader } from '../repository/blob-index.ts';
import type { PackId } from '../types.ts';
import { PackSurvey } from './prune-plan.ts';
import { type MaxUnused, maxUnusedBytes } from './prune-summary.ts';
import type { Usage } from './prune-usage.ts';

function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const hex = (number: number) => number.toString(16).padStart(64, '0');

interface World {
  index: BlobIndex;
  usage: Usage;
  sizes: Map<PackId, number>;
  /** "type id" of needed blobs. */
  needed: Set<string>;
}

/** Packs of up to a dozen blobs out of a few, so that many lie in several packs, some twice in one. */
function world(seed: number, copiesOfOne = 0): World {
  const below = random(seed);
  const index = new BlobIndex();
  const sizes = new Map<PackId, number>();
  const packs = 1 + below(30) + copiesOfOne;
  const kinds = 1 + below(200);
  for (let pack = 0; pack < packs; pack++) {
    const type = below(4) === 0 ? 'tree' : 'data';
    const blobs: PackEntry[] = [];
    let offset = 0;
    const count = 1 + below(12);
    for (let i = 0; i < count; i++) {
      const number = pack < copiesOfOne && i === 0 ? 0 : below(kinds);
      const length = 40 + number;
      const kind = pack < copiesOfOne && i === 0 ? 'data' : below(20) === 0 ? 'tree' : type;
      blobs.push({ type: kind, id: hex(number), offset, length, uncompressedLength: number % 2 ? 77 : undefined });
      offset += length;
    }
    index.addPack(hex(1000 + pack) as PackId, blobs);
    const size = offset + headerBytes(blobs);
    expect(size).toBe(
      offset + headerBytes([]) + blobs.reduce((sum, b) => sum + entryBytes(b.uncompressedLength !== undefined), 0),
    );
    // Some are gone, some are short.
    const fate = below(12);
    if (fate > 0) sizes.set(hex(1000 + pack) as PackId, fate === 1 ? size - 1 : size);
  }
  if (below(3) === 0) sizes.set(hex(9999) as PackId, 123);
  const reader = new SharedIndexReader(index.snapshot());
  const used = new Uint8Array(index.size);
  const needed = new Set<string>();
  const share = below(10);
  for (let entry = 0; entry < index.size; entry++) {
    const first = reader.firstCopy(entry);
    if (first === entry && below(10) < share) {
      used[entry] = 1;
      needed.add(`${reader.typeOf(entry)} ${reader.idOf(entry)}`);
    }
  }
  return { index, usage: { index: reader, entries: index.size, used, missing: [], trees: 0 }, sizes, needed };
}

const LIMITS: MaxUnused[] = ['unlimited', { percent: 5 }, { percent: 50 }, { bytes: 0 }, { bytes: 400 }];

function judge({ index, usage, sizes, needed }: World, seed: number): 'refused' | 'planned' {
  const below = random(seed + 1);
  const where = new Map<string, Set<number>>();
  for (let entry = 0; entry < usage.entries; entry++) {
    const name = `${usage.index.typeOf(entry)} ${usage.index.idOf(entry)}`;
    where.set(name, (where.get(name) ?? new Set()).add(usage.index.packOf(entry)));
  }
  const whole = new Set(
    [...index.packs()].flatMap(({ id, blobs }, pack) => {
      const expected = blobs.reduce((sum, { length }) => sum + length, 0) + headerBytes(blobs);
      return sizes.get(id) === expected ? [pack] : [];
    }),
  );
  const survey = new PackSurvey(usage, index, sizes);
  const unusable = survey.unusable();
  const isLost = [...needed].some((name) => ![...(where.get(name) ?? [])].some((pack) => whole.has(pack)));
  expect(unusable !== undefined, `seed ${seed}`).toBe(isLost);
  if (unusable) return 'refused';
  const maxUnused = LIMITS[below(LIMITS.length)] as MaxUnused;
  const maxRepackBytes = below(3) === 0 ? below(3000) : undefined;
  const choice = survey.choose({ maxUnused, maxRepackBytes, repackUncompressed: below(4) === 0 }, true);
  const going = new Set([...choice.remove, ...choice.repack, ...choice.missingUnneeded]);
  const carried = new Set<string>();
  for (let entry = 0; entry < usage.entries; entry++) {
    if (!choice.carry[entry]) continue;
    const name = `${usage.index.typeOf(entry)} ${usage.index.idOf(entry)}`;
    expect(carried.has(name), `seed ${seed}: ${name} is carried twice`).toBe(false);
    expect(choice.repack, `seed ${seed}`).toContain(usage.index.packOf(entry));
    expect(whole.has(usage.index.packOf(entry)), `seed ${seed}: carried from a broken pack`).toBe(true);
    carried.add(name);
  }
  for (const name of needed) {
    const stays = [...(where.get(name) ?? [])].some((pack) => whole.has(pack) && !going.has(pack));
    expect(stays || carried.has(name), `seed ${seed}: ${name} would be lost`).toBe(true);
    expect(stays && carried.has(name), `seed ${seed}: ${name} is carried in vain`).toBe(false);
  }
  for (const name of carried) expect(needed.has(name), `seed ${seed}: ${name} is not needed`).toBe(true);
  const { summary } = choice;
  if (maxUnused !== 'unlimited' && maxRepackBytes === undefined) {
    expect(summary.unusedAfterBytes, `seed ${seed}`).toBeLessThanOrEqual(maxUnusedBytes(maxUnused, summary.used.bytes));
  }
  if (maxRepackBytes !== undefined) expect(summary.repack.bytes).toBeLessThanOrEqual(maxRepackBytes);
  expect(summary.used.blobs).toBe(needed.size);
  return 'planned';
}

test('in 3,000 random repositories nothing that is needed is lost, and nothing needed twice is carried', () => {
  const verdicts = { refused: 0, planned: 0 };
  for (let seed = 1; seed <= 3000; seed++) verdicts[judge(world(seed), seed)] += 1;
  expect(verdicts.refused).toBeGreaterThan(100);
  expect(verdicts.planned).toBeGreaterThan(100);
});

test('of more copies than are counted one stays', () => {
  let planned = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const crowd = world(seed, 300);
    for (const { id, blobs } of crowd.index.packs()) {
      crowd.sizes.set(id, blobs.reduce((sum, { length }) => sum + length, 0) + headerBytes(blobs));
    }
    crowd.usage.used[0] = 1;
    crowd.needed.add(`data ${hex(0)}`);
    if (judge(crowd, seed) === 'planned') planned += 1;
  }
  expect(planned).toBe(20);
});
