import { expect, test } from 'vitest';
import { EXAMPLE_ID, exampleRun } from '../../testing/example-run.ts';
import { phasesOf, runTabTitle } from './run-words.ts';

const RUN = exampleRun({
  progress: { phase: 'reading', phases: [], filesDone: 1, bytesDone: 43, bytesTotal: 100, rate: 1, problems: 0 },
});

test('the tab says how far the run is before what it is', () => {
  expect(runTabTitle(RUN)).toBe('◐ 43\u00a0% Backing up web-1');
  expect(runTabTitle({ ...RUN, progress: null })).toBe('◐ Backing up web-1');
  expect(runTabTitle({ ...RUN, state: 'finished', outcome: 'failed' })).toBe('■ Failed: Backup of web-1');
});

test('a step that will not come is not announced', () => {
  const quick = phasesOf({ kind: 'check', input: { kind: 'check', vaultId: EXAMPLE_ID, readData: false } });
  const full = phasesOf({ kind: 'check', input: { kind: 'check', vaultId: EXAMPLE_ID, readData: true } });
  expect(full.length - quick.length).toBe(1);
  expect(quick.some((phase) => phase.key === 'data')).toBe(false);
});
