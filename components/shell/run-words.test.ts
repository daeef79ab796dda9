import { expect, test } from 'vitest';
import type { RunView } from '#lib/contracts/runs.ts';
import { runDoing, runShare, runState, runSubject, runTitle, runWait } from './run-words.ts';

const ID = '01936c00-0000-7000-8000-000000000001';
const named = {
  source: { id: ID, name: 'web-1' },
  vault: { id: ID, name: 'nas' },
  input: { kind: 'backup', sourceId: ID, vaultId: ID },
} as const;
const progress = { phase: 'read', phases: [], filesDone: 0, bytesDone: 0, rate: 0, problems: 0 };

test('a run is named by its source, a check by its vault', () => {
  expect(runDoing({ kind: 'backup', ...named })).toBe('Backing up web-1');
  expect(runTitle({ kind: 'restore', ...named })).toBe('Restore of web-1');
  expect(runDoing({ kind: 'check', ...named })).toBe('Checking nas');
});

test('a run whose source was deleted still has a name', () => {
  expect(runSubject({ kind: 'backup', ...named, source: null })).toBe('a deleted source');
  expect(runSubject({ kind: 'restore', ...named, source: null })).toBe('nas');
  expect(runSubject({ kind: 'restore', ...named, source: null, vault: null })).toBe('a recovery point');
});

test('a restore of a deleted source into a folder is named by the folder', () => {
  const target = { kind: 'folder' as const, path: '/tmp/out', workerId: ID };
  const request = { recoveryPointId: ID, include: [], overwrite: 'if-changed' as const, verify: true, target };
  const input = { kind: 'restore' as const, request };
  expect(runDoing({ kind: 'restore', source: null, vault: null, input })).toBe('Restoring /tmp/out');
});

test('a lost run is as bad as a failed one, a cancelled one is not', () => {
  const at = { state: 'finished', cancelRequested: false } as const;
  expect(runState({ ...at, outcome: 'lost' })).toEqual({ tone: 'bad', word: 'Lost' });
  expect(runState({ ...at, outcome: 'failed' }).tone).toBe('bad');
  expect(runState({ ...at, outcome: 'cancelled' }).tone).toBe('idle');
});

test('a running run that was asked to stop says so', () => {
  expect(runState({ state: 'running', outcome: null, cancelRequested: true }).word).toBe('Stopping');
});

test('a queued run says for whom it waits; when that worker is away, since when and what to do', () => {
  const now = Date.parse('2026-11-20T12:00:00Z');
  const lastSeenAt = '2026-11-20T09:00:00Z';
  const worker = { id: ID, name: 'web-1', hostname: 'web-1' };
  const queued = { kind: 'backup', state: 'queued', outcome: null, cancelRequested: false } as const;
  const wait = (waitsFor: RunView['waitsFor']) => runWait({ ...queued, waitsFor }, now);

  const away = { worker, online: false, lastSeenAt };
  expect(wait(away)).toMatchObject({
    stuck: true,
    sentence: 'Waits for the worker of web-1, last seen 3\u00a0h\u00a0ago.',
    remedy: expect.stringMatching(/^Start the worker on that host.* the backup then begins by itself/),
  });
  expect(runState({ ...queued, waitsFor: away })).toEqual({ tone: 'warn', word: 'Waiting' });
  expect(wait({ ...away, worker: { ...worker, name: 'night' } })?.sentence).toMatch(
    /^Waits for the worker night of web-1,/,
  );

  const there = { worker, online: true, lastSeenAt };
  expect(wait(there)).toEqual({
    stuck: false,
    sentence: expect.stringMatching(/^Waits for the worker of web-1: its turn/),
  });
  expect(runState({ ...queued, waitsFor: there }).tone).toBe('idle');

  expect(wait({ worker: null, online: false, lastSeenAt: null })?.sentence).toMatch(/none is running; .*never seen\.$/);
  expect(runWait({ kind: 'backup', state: 'running', waitsFor: null }, now)).toBeNull();
});

test('the share is unknown until a total is, and never above one', () => {
  expect(runShare(null)).toBeNull();
  expect(runShare(progress)).toBeNull();
  expect(runShare({ ...progress, bytesDone: 50, bytesTotal: 200 })).toBe(0.25);
  expect(runShare({ ...progress, bytesDone: 300, bytesTotal: 200 })).toBe(1);
  expect(runShare({ ...progress, bytesTotal: 0, filesDone: 1, filesTotal: 4 })).toBe(0.25);
});
