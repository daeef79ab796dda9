import { expect, test } from 'vitest';
import type { RunResult } from '#lib/contracts/runs.ts';
import {
  afterLostLease,
  afterWorkerStop,
  errorOfResult,
  lostError,
  outcomeOfResult,
  stoppedError,
} from './run-state.ts';

const backup: RunResult = {
  kind: 'backup',
  recoveryPointId: '0195f2f0-0000-7000-8000-000000000000',
  snapshotId: 'a'.repeat(64),
  parentSnapshotId: null,
  files: 1,
  filesNew: 1,
  filesChanged: 0,
  filesUnmodified: 0,
  bytes: 1,
  addedBytes: 1,
  storedBytes: 1,
  problemCount: 0,
  problems: [],
  warnings: [],
};
const check: RunResult = { kind: 'check', ok: true, packs: 1, blobs: 1, snapshots: 1, bytesRead: 0, findings: [] };

test('a run whose worker vanished is lost, unless it may start again or a person wanted it to end', () => {
  expect(afterLostLease({ attempt: 1, maxAttempts: 1, cancelRequested: false })).toBe('lost');
  expect(afterLostLease({ attempt: 1, maxAttempts: 2, cancelRequested: false })).toBe('requeue');
  expect(afterLostLease({ attempt: 2, maxAttempts: 2, cancelRequested: false })).toBe('lost');
  expect(afterLostLease({ attempt: 1, maxAttempts: 2, cancelRequested: true })).toBe('cancelled');
});

test('a run whose worker was stopped in order failed, it is not lost', () => {
  expect(afterWorkerStop({ attempt: 1, maxAttempts: 1, cancelRequested: false })).toBe('failed');
  expect(afterWorkerStop({ attempt: 1, maxAttempts: 2, cancelRequested: false })).toBe('requeue');
});

test('only a flawless result is called succeeded', () => {
  expect(outcomeOfResult(backup)).toBe('succeeded');
  expect(outcomeOfResult({ ...backup, problemCount: 1 })).toBe('warning');
  expect(outcomeOfResult({ ...backup, warnings: ['The source is empty.'] })).toBe('warning');
  expect(outcomeOfResult(check)).toBe('succeeded');
  expect(outcomeOfResult({ ...check, findings: [{ severity: 'hint', kind: 'unreferenced-pack', message: 'm' }] })).toBe(
    'warning',
  );
  expect(outcomeOfResult({ ...check, ok: false })).toBe('failed');
});

test('a check that only misses recovery points does not call the vault damaged', () => {
  const missing = { severity: 'error' as const, kind: 'missing-snapshot', message: 'm' };
  const hint = { severity: 'hint' as const, kind: 'unreferenced-pack', message: 'm' };
  expect(errorOfResult({ ...check, ok: false, findings: [missing, hint] })?.message).toBe(
    '1 recovery point is missing from the vault.',
  );
  const rot = { ...missing, kind: 'damaged-tree' };
  expect(errorOfResult({ ...check, ok: false, findings: [missing, rot] })?.message).toBe(
    'The vault is damaged: 2 errors were found.',
  );
  expect(errorOfResult({ ...check, findings: [hint] })).toBeNull();
  expect(errorOfResult(backup)).toBeNull();
});

test('a run that broke off says what to do next: a backup starts again, a restore needs a new plan', () => {
  for (const error of [lostError('backup', 'nas'), stoppedError('backup')]) {
    expect(error.hint).toMatch(/repository is safe.*Start the backup again\.$/);
  }
  for (const error of [lostError('restore', 'nas'), stoppedError('restore')]) {
    expect(error.hint).toMatch(/may be half done.*from the recovery point.*new plan/);
    expect(error.hint).not.toMatch(/start|run again/i);
  }
  expect(lostError('check', null).hint).toMatch(/Start the check again\.$/);
  expect(lostError('restore', 'nas').message).toContain('The worker "nas" stopped answering');
});
