import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type StoreHealth, storeHealth } from './store-health.ts';

test('a place is unreachable until a repository is there, and then its space is told', async () => {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-health-'));
  try {
    expect((await storeHealth({ kind: 'local', path }, 0)).unreachable).toContain(path);
    await writeFile(join(path, 'config'), '');
    expect((await storeHealth({ kind: 'local', path }, 1_000)).unreachable).not.toBeNull();
    const later = await storeHealth({ kind: 'local', path }, 60_000);
    expect(later.unreachable).toBeNull();
    expect(later.freeBytes).toBeGreaterThan(0);
  } finally {
    await rm(path, { recursive: true });
  }
});

test('a share that hangs is asked once, however often and long people look', async () => {
  vi.useFakeTimers();
  try {
    const place = { kind: 'local' as const, path: '/mnt/hung' };
    let answer: (health: StoreHealth) => void = () => {};
    const ask = vi.fn(() => new Promise<StoreHealth>((resolve) => (answer = resolve)));
    for (let minute = 0; minute < 10; minute += 1) {
      const health = storeHealth(place, minute * 60_000, ask);
      await vi.advanceTimersByTimeAsync(2_000);
      expect((await health).unreachable).toBe('/mnt/hung does not answer.');
    }
    expect(ask).toHaveBeenCalledTimes(1);
    answer({ freeBytes: 1, unreachable: null });
    await vi.advanceTimersByTimeAsync(0);
    const back = storeHealth(place, 700_000, ask);
    expect(ask).toHaveBeenCalledTimes(2);
    answer({ freeBytes: 2, unreachable: null });
    expect(await back).toEqual({ freeBytes: 2, unreachable: null });
  } finally {
    vi.useRealTimers();
  }
});
