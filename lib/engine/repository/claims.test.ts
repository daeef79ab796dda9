import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { BlobClaims, newClaimMemory } from './claims.ts';

/** Distinct ids that say nothing about their order. */
function words(seed: number): Uint32Array {
  const id = new Uint32Array(8);
  let x = (seed + 1) * 0x9e37_79b9;
  for (let i = 0; i < 8; i++) {
    x = Math.imul(x ^ (x >>> 15), 0x2c1b_3c6d) + i;
    id[i] = x >>> 0;
  }
  id[7] = seed;
  return id;
}

test('only the first claim of an id succeeds, and trees and data do not meet', () => {
  const claims = new BlobClaims(newClaimMemory(), 1);
  expect(claims.claim('data', words(1))).toBe(true);
  expect(claims.claim('data', words(1))).toBe(false);
  expect(claims.claim('tree', words(1))).toBe(true);
  expect(claims.claim('tree', words(1))).toBe(false);
  expect(claims.claim('data', words(2))).toBe(true);
});

test('it grows over several tiers and forgets nothing', () => {
  const claims = new BlobClaims(newClaimMemory(), 2);
  const count = 200_000;
  for (let i = 0; i < count; i++) if (!claims.claim('data', words(i))) expect.unreachable(`${i} was new`);
  for (let i = 0; i < count; i++) if (claims.claim('data', words(i))) expect.unreachable(`${i} was known`);
});

test('ids that share their place still count one by one', () => {
  const claims = new BlobClaims(newClaimMemory(), 3);
  for (let i = 0; i < 1000; i++) {
    const id = new Uint32Array(8);
    id[7] = i;
    expect(claims.claim('data', id)).toBe(true);
    expect(claims.claim('data', id)).toBe(false);
  }
});

test('threads that claim the same ids at once share them out', async () => {
  const memory = newClaimMemory();
  const count = 8000;
  const code = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { BlobClaims } from '${import.meta.resolve('./claims.ts')}';
    const claims = new BlobClaims(workerData.memory, 9);
    const gate = new Int32Array(workerData.gate);
    Atomics.wait(gate, 0, 0);
    let won = 0;
    for (let i = 0; i < ${count}; i++) {
      const id = new Uint32Array(8).fill(Math.imul(i + 1, 0x9e3779b9) >>> 0);
      if (claims.claim('data', id)) won++;
    }
    parentPort.postMessage(won);`;
  const gate = new SharedArrayBuffer(4);
  const threads = [1, 2, 3].map(
    () => new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: { memory, gate } }),
  );
  const results = threads.map((thread) => new Promise<number>((resolve) => thread.once('message', resolve)));
  await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('online', resolve))));
  Atomics.store(new Int32Array(gate), 0, 1);
  Atomics.notify(new Int32Array(gate), 0);
  const won = await Promise.all(results);
  // Below the first step to a larger tier nothing may be claimed twice.
  expect(won.reduce((sum, part) => sum + part, 0)).toBe(count);
});
