import { expect, test } from 'vitest';
import { vaultVerdict } from './vault-state.ts';

const RUN = '01936c00-0000-7000-8000-000000000001';
const AT = '2026-11-20T10:00:00Z';
const sound = {
  unreachable: null,
  kitDownloadedAt: AT,
  recoveryPoints: 3,
  lastCheck: { runId: RUN, at: AT, ok: true, readData: true },
};

test('a vault that cannot be reached is bad, whatever its last check said', () => {
  const verdict = vaultVerdict({ ...sound, unreachable: 'The folder /mnt/nas is not there.' });
  expect(verdict).toMatchObject({ tone: 'bad', word: 'Unreachable', means: 'The folder /mnt/nas is not there.' });
});

test('a check that did not pass is bad even without a recovery kit', () => {
  const verdict = vaultVerdict({ ...sound, kitDownloadedAt: null, lastCheck: { ...sound.lastCheck, ok: false } });
  expect(verdict.tone).toBe('bad');
  // It may not have been able to look at all: damage is not claimed.
  expect(verdict.means).toContain('did not pass');
});

test('a vault nobody could open without the console is a warning, not green', () => {
  expect(vaultVerdict({ ...sound, kitDownloadedAt: null }).tone).toBe('warn');
});

test('an unchecked vault is not green', () => {
  expect(vaultVerdict({ ...sound, lastCheck: null }).tone).toBe('idle');
});

test('green says how deep the check went', () => {
  expect(vaultVerdict(sound).means).toContain('read all data');
  expect(vaultVerdict({ ...sound, lastCheck: { ...sound.lastCheck, readData: false } }).means).toContain(
    'did not read',
  );
});
