import { expect, test } from 'vitest';
import { missingBytes, planSentence, type Summary } from './restore-words.ts';

const SUMMARY: Summary = {
  create: { count: 3, bytes: 3000 },
  overwrite: { count: 0, bytes: 0 },
  keep: { count: 0, bytes: 0 },
  extra: { count: 0 },
  unsupported: { count: 0 },
  targetPath: '/srv/new',
  changes: [],
};

test('the sentence says only what happens', () => {
  expect(planSentence(SUMMARY)).toBe('3\u00a0entries created; 2.9\u00a0KiB written.');
  expect(planSentence({ ...SUMMARY, create: { count: 0, bytes: 0 }, overwrite: { count: 1, bytes: 1 } })).toContain(
    '1 overwritten',
  );
  expect(planSentence({ ...SUMMARY, create: { count: 0, bytes: 0 } })).toContain('Nothing would be written');
});

test('space is short only when it is known to be', () => {
  expect(missingBytes(SUMMARY)).toBe(0);
  expect(missingBytes({ ...SUMMARY, freeBytes: 5000 })).toBe(0);
  expect(missingBytes({ ...SUMMARY, freeBytes: 1000 })).toBe(2000);
});
