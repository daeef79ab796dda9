import type { RunView } from '../lib/contracts/runs.ts';

export const EXAMPLE_ID = '01936c00-0000-7000-8000-000000000001';

/** A backup in the middle of its work, for tests of what is made of a run; each test says what matters to it. */
export function exampleRun(change: Partial<RunView> = {}): RunView {
  return {
    id: EXAMPLE_ID,
    kind: 'backup',
    state: 'running',
    outcome: null,
    input: { kind: 'backup', sourceId: EXAMPLE_ID, vaultId: EXAMPLE_ID },
    progress: null,
    version: 1,
    result: null,
    error: null,
    source: { id: EXAMPLE_ID, name: 'web-1' },
    vault: { id: EXAMPLE_ID, name: 'nas' },
    worker: null,
    waitsFor: null,
    recoveryPointId: null,
    attempt: 1,
    cancelRequested: false,
    requestedBy: 'ada@example.org',
    retryOfId: null,
    queuedAt: '2026-11-20T10:00:00Z',
    startedAt: '2026-11-20T10:00:01Z',
    finishedAt: null,
    ...change,
  };
}
