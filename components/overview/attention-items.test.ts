import { expect, test } from 'vitest';
import type { VaultView } from '#lib/contracts/vaults.ts';
import { exampleRun } from '../../testing/example-run.ts';
import { attentionItems, attentionTone } from './attention-items.ts';

const ID = '01936c00-0000-7000-8000-000000000001';
const AT = '2026-11-20T10:00:00Z';
const vault: VaultView = {
  id: ID,
  name: 'nas',
  store: { kind: 'local', path: '/mnt/nas' },
  zone: null,
  repositoryId: 'a'.repeat(64),
  createdAt: AT,
  kitDownloadedAt: AT,
  storedBytes: 0,
  uniqueBytes: 0,
  logicalBytes: 0,
  dedupRatio: null,
  measuredAt: null,
  freeBytes: null,
  recoveryPoints: 1,
  sources: 1,
  lastRunAt: null,
  lastCheck: null,
  unreachable: null,
};
const counts = { sources: 1, protected: 1, recoveryPoints: 1, workersOnline: 1 };
const calm = { needsAttention: [], running: [] };
const failed = exampleRun({ state: 'finished', outcome: 'failed' });

test('a sound console needs nobody', () => {
  expect(attentionItems({ ...calm, vaults: [vault], counts })).toEqual([]);
});

test('a vault without its kit asks for someone, but not while the first steps still lead there', () => {
  const open = { ...vault, kitDownloadedAt: null };
  const items = attentionItems({ ...calm, vaults: [open], counts });
  expect(items).toHaveLength(1);
  expect(attentionTone(items)).toBe('warn');
  expect(attentionItems({ ...calm, vaults: [open], counts: { ...counts, recoveryPoints: 0 } })).toEqual([]);
});

test('a vault that cannot be reached is bad from the first minute on', () => {
  const gone = { ...vault, unreachable: 'The folder is not there.' };
  const items = attentionItems({ ...calm, vaults: [gone], counts: { ...counts, recoveryPoints: 0 } });
  expect(attentionTone(items)).toBe('bad');
});

test('failed runs come first', () => {
  const items = attentionItems({
    ...calm,
    needsAttention: [failed],
    vaults: [{ ...vault, unreachable: 'gone' }],
    counts,
  });
  expect(items.map((item) => item.kind)).toEqual(['run', 'vault']);
});

test('a backup that waits for a worker that is away asks for someone; one that only waits its turn does not', () => {
  const worker = { id: ID, name: 'web-1', hostname: 'web-1' };
  const queued = exampleRun({ state: 'queued', waitsFor: { worker, online: true, lastSeenAt: AT } });
  expect(attentionItems({ ...calm, running: [queued], vaults: [], counts })).toEqual([]);
  const stuck = { ...queued, waitsFor: { worker, online: false, lastSeenAt: AT } };
  const items = attentionItems({ ...calm, running: [stuck], vaults: [], counts });
  expect(items).toEqual([{ kind: 'run', run: stuck }]);
  expect(attentionTone(items)).toBe('warn');
  // News that it was taken arrives before its row does.
  expect(attentionItems({ ...calm, running: [{ ...stuck, state: 'running' }], vaults: [], counts })).toEqual([]);
});
