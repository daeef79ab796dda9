import { expect, test } from 'vitest';
import { masterKeyFrom } from './master-key.ts';
import { type SealedPlace, sealSecret, unsealSecret } from './seal.ts';
import { generateRepositoryPassword, generateSetupToken } from './tokens.ts';

const master = masterKeyFrom(Buffer.alloc(32, 1));
const here: SealedPlace = { table: 'vault', id: 'a', field: 'password' };

test('a sealed secret opens in its place', () => {
  expect(unsealSecret(master, sealSecret(master, 'geheim – ok', here), here)).toBe('geheim – ok');
});

test('sealing twice shows nothing in common but format and key id', () => {
  const [first, second] = [sealSecret(master, 's', here), sealSecret(master, 's', here)];
  expect(first.split('.').slice(2)).not.toEqual(second.split('.').slice(2));
  expect(first).not.toContain(Buffer.from('s').toString('base64url').repeat(2));
});

test.each([
  ['another row', { ...here, id: 'b' }],
  ['another field', { ...here, field: 'token' }],
] satisfies [string, SealedPlace][])('a sealed secret moved to %s is refused', (_name, place) => {
  expect(() => unsealSecret(master, sealSecret(master, 'secret-value', here), place)).toThrow(
    /damaged or belongs to another row/,
  );
});

test('parts of two sealed secrets of one row cannot be mixed', () => {
  const [a, b] = [sealSecret(master, 'old', here).split('.'), sealSecret(master, 'new', here).split('.')];
  const mixed = [a[0], a[1], a[2], b[3]].join('.');
  expect(() => unsealSecret(master, mixed, here)).toThrow(/does not open/);
});

test('every flipped byte is noticed', () => {
  const sealed = sealSecret(master, 'secret-value', here);
  const parts = sealed.split('.');
  for (const part of [2, 3]) {
    const bytes = Buffer.from(parts[part] ?? '', 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      const changed = parts.with(part, copy.toString('base64url')).join('.');
      expect(() => unsealSecret(master, changed, here)).toThrow(/does not open/);
    }
  }
});

test('another master key is named as the reason, without the secret', () => {
  const other = masterKeyFrom(Buffer.alloc(32, 2));
  const sealed = sealSecret(master, 'secret-value', here);
  expect(() => unsealSecret(other, sealed, here)).toThrow(
    new RegExp(`belongs to the master key ${master.id}, but this process has the key ${other.id}`),
  );
});

test('text that is not a sealed secret is refused', () => {
  for (const text of ['', 'hf1', 'hf2.a.b.c', 'plain password', `hf1.${master.id}.x.y`]) {
    expect(() => unsealSecret(master, text, here)).toThrow(/not in a format|does not open/);
  }
});

test('generated secrets hold more bits than a guess can reach and no character that two people read differently', () => {
  const password = generateRepositoryPassword();
  expect(password.replaceAll('-', '').length * Math.log2(31)).toBeGreaterThanOrEqual(160);
  expect(generateSetupToken().replaceAll('-', '').length * Math.log2(31)).toBeGreaterThanOrEqual(128);
  expect(password).toMatch(/^[2-9a-hjkmnp-z]{6}(-[2-9a-hjkmnp-z]{6}){5}$/);
  expect(generateRepositoryPassword()).not.toBe(password);
});
