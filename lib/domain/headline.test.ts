import { expect, test } from 'vitest';
import { headline, nextStep, type Posture } from './headline.ts';

const good: Posture = {
  sources: [
    { name: 'etc', state: 'protected' },
    { name: 'home', state: 'protected' },
  ],
  vaults: [{ name: 'disk', unreachable: null, kitDownloadedAt: '2026-11-20T00:00:00Z' }],
  workersOnline: 1,
};

test('all is well only when all is', () => {
  expect(headline(good)).toEqual({ headline: 'All 2 sources are protected.', state: 'good' });
});

test('the worst comes first', () => {
  const state = (name: string, value: Posture['sources'][number]['state']) => ({ name, state: value });
  const sources = [state('a', 'failed'), state('b', 'never'), state('c', 'warning')];
  expect(headline({ ...good, sources })).toEqual({ headline: 'The last backup of "a" failed.', state: 'bad' });
  expect(headline({ ...good, sources: sources.slice(1) }).headline).toBe('"b" has no recovery point yet.');
  expect(headline({ ...good, sources: sources.slice(2) })).toEqual({
    headline: 'The last backup of "c" skipped files.',
    state: 'attention',
  });
});

test('a vault out of reach and a missing worker are bad even when every last backup was good', () => {
  const vaults = [{ name: 'usb', unreachable: 'gone', kitDownloadedAt: null }];
  expect(headline({ ...good, vaults })).toEqual({ headline: 'The vault "usb" cannot be reached.', state: 'bad' });
  expect(headline({ ...good, workersOnline: 0 }).state).toBe('bad');
});

test('a new installation is led through its steps in order', () => {
  const kit = { kitDownloadedAt: '2026-11-20T00:00:00Z' };
  expect(headline({ sources: [], vaults: [], workersOnline: 1 }).state).toBe('empty');
  expect(nextStep({ vaults: [], sources: 0, recoveryPoints: 0 })).toBe('create-vault');
  expect(nextStep({ vaults: [{ kitDownloadedAt: null }], sources: 0, recoveryPoints: 0 })).toBe('download-kit');
  expect(nextStep({ vaults: [kit], sources: 0, recoveryPoints: 0 })).toBe('add-source');
  expect(nextStep({ vaults: [kit], sources: 1, recoveryPoints: 0 })).toBe('run-backup');
  expect(nextStep({ vaults: [kit], sources: 1, recoveryPoints: 1 })).toBeNull();
});
