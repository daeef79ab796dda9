import { expect, test } from 'vitest';
import { STEPS, stepState } from './steps.ts';

test('what comes before the next step is done, what comes after it is later', () => {
  expect(STEPS.map((step) => stepState(step.id, 'add-source'))).toEqual(['done', 'done', 'now', 'later']);
});

test('with nothing left to do, all is done', () => {
  expect(STEPS.map((step) => stepState(step.id, null))).toEqual(['done', 'done', 'done', 'done']);
});
