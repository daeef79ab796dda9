import { expect, test } from 'vitest';
import { headline, nextStep, type Posture } from './headline.ts';

const worker = { id: 'w', name: 'attic', online: true };
const good: Posture = {
  sources: [
    { name: 'etc', state: 'protected', worker },
    { name: 'home', state: 'protected', worker },
  ],
  vaults: [{ name: 'disk', unreachable: null, lastCheck: { ok: true } }],
};

test('all is well only when all is', () => {
  expect(headline(good)).toEqual({ headline: 'All 2 sources are protected.', state: 'good' });
});

test('the worst comes first', () => {
  const state = (name: string, value: Posture['sources'][number]['state']) => ({ name, state: value, worker });
  const sources = [state('a', 'failed'), state('b', 'never'), state('c', 'warning')];
  expect(headline({ ...good, sources })).toEqual({ headline: 'The last backup of "a" failed.', state: 'bad' });
  expect(headline({ ...good, sources: sources.slice(1) }).headline).toBe('"b" has no recovery point yet.');
  expect(headline({ ...good, sources: sources.slice(2) })).toEqual({
    headline: 'The last backup of "c" skipped files.',
    state: 'attention',
  });
});

test('a source whose newest recovery point is gone from its vault is bad', () => {
  const missing = (name: string) => ({ name, state: 'missing' as const, worker });
  expect(headline({ ...good, sources: [missing('a'), ...good.sources] })).toEqual({
    headline: 'The newest recovery point of "a" is missing from its vault.',
    state: 'bad',
  });
  expect(headline({ ...good, sources: [missing('a'), missing('b')] }).headline).toBe(
    'The newest recovery points of "a" and "b" are missing from their vaults.',
  );
});

test('a vault out of reach is bad even when every last backup was good', () => {
  const vaults = [{ name: 'usb', unreachable: 'gone', lastCheck: null }];
  expect(headline({ ...good, vaults })).toEqual({ headline: 'The vault "usb" cannot be reached.', state: 'bad' });
});

test('a vault whose last check did not pass is bad, one that was never checked is not', () => {
  const vault = (name: string, lastCheck: { ok: boolean } | null) => ({ name, unreachable: null, lastCheck });
  const one = [vault('disk', { ok: true }), vault('usb', { ok: false }), vault('nas', null)];
  expect(headline({ ...good, vaults: one })).toEqual({
    headline: 'The last check of the vault "usb" did not pass.',
    state: 'bad',
  });
  const two = [vault('disk', { ok: false }), vault('usb', { ok: false })];
  expect(headline({ ...good, vaults: two }).headline).toBe('The last checks of "disk" and "usb" did not pass.');
  expect(headline({ ...good, vaults: [vault('nas', null)] }).state).toBe('good');
});

test('a source whose own worker is away is bad, whoever else works', () => {
  const at = (name: string, id: string, online: boolean) => ({
    name,
    state: 'protected' as const,
    worker: { id, name: `host ${id}`, online },
  });
  const say = (...sources: Posture['sources']) => headline({ ...good, sources });
  expect(say(at('etc', '1', false), at('home', '2', true))).toEqual({
    headline: 'The worker "host 1" is not running, so "etc" is not backed up.',
    state: 'bad',
  });
  expect(say(at('a', '1', false), at('b', '1', false), at('c', '1', false)).headline).toBe(
    'The worker "host 1" is not running, so 3 sources are not backed up.',
  );
  expect(say(at('a', '1', false), at('b', '2', false)).headline).toBe(
    'The workers "host 1" and "host 2" are not running, so "a" and "b" are not backed up.',
  );
});

test('a new installation is led through its steps in order', () => {
  const kit = { kitDownloadedAt: '2026-11-20T00:00:00Z' };
  expect(headline({ sources: [], vaults: [] }).state).toBe('empty');
  expect(nextStep({ vaults: [], sources: 0, recoveryPoints: 0 })).toBe('create-vault');
  expect(nextStep({ vaults: [{ kitDownloadedAt: null }], sources: 0, recoveryPoints: 0 })).toBe('download-kit');
  expect(nextStep({ vaults: [kit], sources: 0, recoveryPoints: 0 })).toBe('add-source');
  expect(nextStep({ vaults: [kit], sources: 1, recoveryPoints: 0 })).toBe('run-backup');
  expect(nextStep({ vaults: [kit], sources: 1, recoveryPoints: 1 })).toBeNull();
});
