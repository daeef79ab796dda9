import { expect, test } from 'vitest';
import { advanceProgress, type ProgressState, progressView, startProgress } from './progress.ts';

const MB = 1_000_000;
const base = { filesDone: 0, bytesDone: 0, problems: 0 };

/** Reads `bytesPerSecond` for `seconds`, reporting five times a second. */
function read(state: ProgressState, from: number, seconds: number, bytesPerSecond: number): [ProgressState, number] {
  let now = from;
  let current = state;
  for (let i = 0; i < seconds * 5; i++) {
    now += 200;
    const bytesDone = current.update.bytesDone + bytesPerSecond / 5;
    current = advanceProgress(current, { ...current.update, bytesDone }, now);
  }
  return [current, now];
}

function reading(totalBytes?: number): ProgressState {
  return advanceProgress(
    startProgress('opening', 0),
    { ...base, phase: 'reading', ...(totalBytes ? { bytesTotal: totalBytes, filesTotal: 0 } : {}) },
    1_000,
  );
}

test('a steady reader has its rate, and the time that is left follows from it', () => {
  const [state, now] = read(reading(100 * MB), 1_000, 5, 10 * MB);
  const view = progressView(state, now);
  expect(view.rate / MB).toBeCloseTo(10, 5);
  expect(view.eta).toBe(5);
});

test('the rate looks back ten seconds and no further', () => {
  const [fast, then] = read(reading(), 1_000, 60, 100 * MB);
  const [slow, now] = read(fast, then, 10, 1 * MB);
  expect(progressView(slow, now).rate / MB).toBeLessThan(5);
  const [later, end] = read(slow, now, 5, 1 * MB);
  expect(progressView(later, end).rate / MB).toBeCloseTo(1, 3);
});

test('a reader that stalls falls towards nothing without any new report', () => {
  const [state, now] = read(reading(1_000 * MB), 1_000, 10, 10 * MB);
  expect(progressView(state, now + 40_000).rate / MB).toBeLessThan(3);
});

test('nothing moving promises no time', () => {
  const state = advanceProgress(
    reading(100 * MB),
    { ...base, phase: 'reading', bytesTotal: 100 * MB, filesTotal: 0 },
    9_000,
  );
  expect(progressView(state, 9_000).eta).toBeUndefined();
});

test('without totals there is a rate and no time', () => {
  const [state, now] = read(reading(), 1_000, 5, 10 * MB);
  expect(progressView(state, now).eta).toBeUndefined();
});

test('many small files at the end count more than the few bytes in them', () => {
  let state = startProgress('reading', 0);
  for (let now = 200; now <= 5_000; now += 200) {
    state = advanceProgress(
      state,
      {
        phase: 'reading',
        filesDone: now / 100,
        filesTotal: 1_050,
        bytesDone: now * 1_000,
        bytesTotal: 5_000_000 + 1,
        problems: 0,
      },
      now,
    );
  }
  // 10 files a second, 1,000 to go.
  expect(progressView(state, 5_000).eta).toBe(100);
});

test('each phase is noted with the time it began, and starts the rate anew', () => {
  const [state, now] = read(reading(), 1_000, 5, 50 * MB);
  const finishing = advanceProgress(state, { ...state.update, phase: 'finishing' }, now + 100);
  const view = progressView(finishing, now + 200);
  expect(view.rate).toBe(0);
  expect(view.phases).toEqual([
    { phase: 'opening', startedAt: new Date(0).toISOString() },
    { phase: 'reading', startedAt: new Date(1_000).toISOString() },
    { phase: 'finishing', startedAt: new Date(now + 100).toISOString() },
  ]);
});

test('hours of reports keep a small state', () => {
  const [state] = read(reading(), 1_000, 3_600, MB);
  expect(state.samples.length).toBeLessThanOrEqual(60);
});
