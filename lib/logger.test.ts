import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { hideSecrets, prettyLine, Secret } from './logger.ts';

test('a Secret shows nothing in text, JSON or inspection, and gives its value only when asked', () => {
  const secret = new Secret('hush');
  expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })} ${String(secret)}`).not.toContain('hush');
  expect(secret.reveal()).toBe('hush');
});

test('fields that say they are secret are hidden at any depth, others stay', () => {
  const line = JSON.stringify(
    hideSecrets({
      runId: 'r1',
      token: 'hush',
      vault: { password: 'hush', sealedPassword: 'hush', path: '/srv' },
      headers: [{ Authorization: 'Bearer hush', cookie: 'hush' }],
    }),
  );
  expect(line).not.toContain('hush');
  expect(line).toContain('r1');
  expect(line).toContain('/srv');
});

test('passwords inside addresses are hidden, also in messages and causes of errors', () => {
  const error = new Error('no answer from postgresql://u:hush@h/d', { cause: new Error('redis://:hush@h') });
  const line = JSON.stringify(hideSecrets({ err: error }));
  expect(line).not.toContain('hush');
  expect(line).toContain('@h/d');
});

test('bytes, big integers and circular structures do not break a line', () => {
  const circular: Record<string, unknown> = { size: 5n, bytes: new Uint8Array(9) };
  circular.self = circular;
  expect(JSON.stringify(hideSecrets(circular))).toContain('[9 bytes]');
});

test('a line for people keeps level, part, message and fields', () => {
  const json = '{"level":"warn","time":"2026-11-20T10:11:12.000Z","name":"worker","runId":"r1","msg":"slow"}';
  expect(prettyLine(json, false)).toBe('10:11:12 warn  worker slow runId=r1\n');
});
