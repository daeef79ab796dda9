import { expect, test } from 'vitest';
import type { RunLogLine, RunView } from '#lib/contracts/runs.ts';
import { EXAMPLE_ID, exampleRun } from '../../../testing/example-run.ts';
import { mergeIntoList, mergeLog, mergeRunEvent, needsRow, newestRun, newestRuns, type RunEvent } from './merge.ts';

const ID = EXAMPLE_ID;
const OTHER = '01936c00-0000-7000-8000-000000000002';

function run(change: Partial<RunView> = {}): RunView {
  return exampleRun({ progress: progress(100), version: 5, ...change });
}

function progress(bytesDone: number): NonNullable<RunView['progress']> {
  return { phase: 'read', phases: [], filesDone: 1, bytesDone, rate: 1, problems: 0 };
}

function event(change: Partial<RunEvent> = {}): RunEvent {
  return { type: 'run', runId: ID, version: 6, state: 'running', outcome: null, progress: progress(200), ...change };
}

function line(id: string): RunLogLine {
  return { id, at: '2026-11-20T10:00:00Z', level: 'info', message: `line ${id}`, detail: null };
}

test('a newer event moves the run on', () => {
  const merged = mergeRunEvent(run(), event());
  expect(merged.version).toBe(6);
  expect(merged.progress?.bytesDone).toBe(200);
});

test('an event of the same or an older version changes nothing, not even the object', () => {
  const current = run();
  expect(mergeRunEvent(current, event({ version: 5 }))).toBe(current);
  expect(mergeRunEvent(current, event({ version: 4, state: 'queued' }))).toBe(current);
});

test('an event of another run changes nothing', () => {
  const current = run();
  expect(mergeRunEvent(current, event({ runId: OTHER, version: 99 }))).toBe(current);
});

test('an event without progress keeps the bar where it was', () => {
  expect(mergeRunEvent(run(), event({ progress: null })).progress?.bytesDone).toBe(100);
});

test('progress alone does not ask for the row, an end does', () => {
  expect(needsRow(run(), event())).toBe(false);
  expect(needsRow(run(), event({ state: 'finished', outcome: 'succeeded' }))).toBe(true);
  expect(needsRow(run({ version: 6, state: 'finished' }), event({ state: 'finished' }))).toBe(false);
});

test('a run that is under way without a start time asks for its row again: the reading that had it was lost', () => {
  expect(needsRow(run({ startedAt: null }), event())).toBe(true);
  expect(needsRow(run({ startedAt: null, state: 'queued' }), event({ state: 'queued' }))).toBe(false);
});

test('a snapshot that an event overtook does not turn the bar back', () => {
  const cached = mergeRunEvent(run(), event({ version: 9, progress: progress(900) }));
  const merged = newestRun(cached, run({ version: 7, progress: progress(300) }));
  expect(merged.version).toBe(9);
  expect(merged.progress?.bytesDone).toBe(900);
});

test('a finished run stays finished when a slow answer still says running', () => {
  const cached = mergeRunEvent(run(), event({ version: 9, state: 'finished', outcome: 'failed' }));
  const merged = newestRun(cached, run({ version: 8, state: 'running' }));
  expect(merged.state).toBe('finished');
  expect(merged.outcome).toBe('failed');
});

test('a snapshot of the same version brings what the event could not carry', () => {
  const cached = mergeRunEvent(run(), event({ state: 'finished', outcome: 'failed' }));
  const row = run({ version: 6, state: 'finished', outcome: 'failed', error: { code: 'no-space', message: 'Full.' } });
  expect(newestRun(cached, row)).toBe(row);
});

test('a list takes each run at its newest', () => {
  const [first, second] = newestRuns([run({ version: 9 })], [run({ version: 7 }), run({ id: OTHER, version: 1 })]);
  expect(first?.version).toBe(9);
  expect(second?.version).toBe(1);
});

test('a list without the run, or with old news, stays the same list', () => {
  const list = [run()];
  expect(mergeIntoList(list, event({ runId: OTHER }))).toBe(list);
  expect(mergeIntoList(list, event({ version: 5 }))).toBe(list);
  expect(mergeIntoList(list, event())[0]?.version).toBe(6);
});

test('log lines stand in order of id, each once, also where 9 meets 10', () => {
  const lines = mergeLog([line('8'), line('9')], [line('9'), line('10')]);
  expect(lines.map((one) => one.id)).toEqual(['8', '9', '10']);
});

test('lines that were missed are put in between', () => {
  const lines = mergeLog([line('1'), line('7')], [line('2'), line('3'), line('7')]);
  expect(lines.map((one) => one.id)).toEqual(['1', '2', '3', '7']);
});

test('known lines leave the log as it is', () => {
  const lines = [line('1'), line('2')];
  expect(mergeLog(lines, [line('2')])).toBe(lines);
  expect(mergeLog(lines, [])).toBe(lines);
});
