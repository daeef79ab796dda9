import { expect, test } from 'vitest';
import type { RunView } from '#lib/contracts/runs.ts';
import { phasesOf, runTabTitle } from './run-words.ts';

const ID = '01936c00-0000-7000-8000-000000000001';
const RUN: RunView = {
  id: ID,
  kind: 'backup',
  state: 'running',
  outcome: null,
  input: { kind: 'backup', sourceId: ID, vaultId: ID },
  progress: { phase: 'reading', phases: [], filesDone: 1, bytesDone: 43, bytesTotal: 100, rate: 1, problems: 0 },
  version: 1,
  result: null,
  error: null,
  source: { id: ID, name: 'web-1' },
  vault: { id: ID, name: 'nas' },
  recoveryPointId: null,
  worker: null,
  attempt: 1,
  cancelRequested: false,
  requestedBy: 'ada@example.org',
  retryOfId: null,
  queuedAt: '2026-11-20T10:00:00Z',
  startedAt: null,
  finishedAt: null,
};

test('the tab says how far the run is before what it is', () => {
  expect(runTabTitle(RUN)).toBe('◐ 43\u00a0% Backing up web-1');
  expect(runTabTitle({ ...RUN, progress: null })).toBe('◐ Backing up web-1');
  expect(runTabTitle({ ...RUN, state: 'finished', outcome: 'failed' })).toBe('■ Failed: Backup of web-1');
});

test('a step that will not come is not announced', () => {
  const quick = phasesOf({ kind: 'check', input: { kind: 'check', vaultId: ID, readData: false } });
  const full = phasesOf({ kind: 'check', input: { kind: 'check', vaultId: ID, readData: true } });
  expect(full.length - quick.length).toBe(1);
  expect(quick.some((phase) => phase.key === 'data')).toBe(false);
});
