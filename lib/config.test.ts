import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const refusal = (env: Record<string, string>) => {
  try {
    readConfig(env);
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
  return 'accepted';
};

test('nothing is required', () => {
  expect(readConfig({ HOME: '/home/ada' })).toMatchObject({
    host: '127.0.0.1',
    port: 8420,
    url: 'http://127.0.0.1:8420',
    secure: false,
    trustProxy: false,
    databaseUrl: undefined,
    redisUrl: undefined,
    masterKey: undefined,
    unknownVariables: [],
  });
});

test('a variable set to nothing counts as not set', () => {
  expect(readConfig({ DATABASE_URL: '', HOLDFAST_PORT: '' })).toMatchObject({ databaseUrl: undefined, port: 8420 });
});

test.each([
  ['HOLDFAST_PORT', '80a', 'HOLDFAST_PORT is not a whole number. Give one from 1 to 65535.'],
  ['HOLDFAST_PORT', '70000', 'HOLDFAST_PORT is out of range. Give a whole number from 1 to 65535.'],
  ['HOLDFAST_DATA_DIR', '~/backup', 'HOLDFAST_DATA_DIR is not an absolute path.'],
  ['HOLDFAST_URL', 'https://a.example/console', 'HOLDFAST_URL is not a web address without a path.'],
  ['HOLDFAST_URL', 'backup.example.org', 'HOLDFAST_URL is not a web address without a path.'],
  ['HOLDFAST_HOST', '127.0.0.1/8', 'HOLDFAST_HOST is not a host name or an IP address.'],
  ['HOLDFAST_TRUST_PROXY', 'maybe', 'HOLDFAST_TRUST_PROXY is neither yes nor no.'],
  ['HOLDFAST_MASTER_KEY', 'short', 'HOLDFAST_MASTER_KEY is not base64.'],
  ['HOLDFAST_MASTER_KEY', 'c2hvcnQ=', 'HOLDFAST_MASTER_KEY does not hold 32 bytes.'],
  ['HOLDFAST_WORKER_CONCURRENCY', '0', 'HOLDFAST_WORKER_CONCURRENCY is out of range.'],
  ['HOLDFAST_LOG_LEVEL', 'loud', 'HOLDFAST_LOG_LEVEL is not a log level.'],
  ['DATABASE_URL', 'mysql://u:p@h/d', 'DATABASE_URL is not an address of the form postgresql://'],
  ['REDIS_URL', '127.0.0.1:6379', 'REDIS_URL is not an address of the form redis://'],
])('%s=%s is refused with the remedy', (name, value, sentence) => {
  expect(refusal({ [name]: value })).toContain(sentence);
});

test('all wrong variables are named at once, and no value is repeated: it may be a secret', () => {
  const message = refusal({ DATABASE_URL: 'ftp://u:hush@h', HOLDFAST_PORT: 'x' });
  expect(message).toContain('DATABASE_URL');
  expect(message).toContain('HOLDFAST_PORT');
  expect(message).not.toContain('hush');
});

test('https makes cookies secure; an address of all interfaces is none for a browser', () => {
  expect(readConfig({ HOLDFAST_URL: 'https://backup.example.org/' })).toMatchObject({
    url: 'https://backup.example.org',
    secure: true,
  });
  expect(readConfig({ HOLDFAST_HOST: '0.0.0.0' }).url).toBe('http://localhost:8420');
  expect(readConfig({ HOLDFAST_HOST: '::1' }).url).toBe('http://[::1]:8420');
});

test('a misspelt variable is noticed', () => {
  expect(readConfig({ HOLDFAST_PROT: '1', HOLDFAST_TEST_CHROMIUM: 'x' }).unknownVariables).toEqual(['HOLDFAST_PROT']);
});

test('.env.example documents exactly the variables there are', async () => {
  const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8');
  const documented = [...example.matchAll(/^#([A-Z_]+)=/gm)].map((match) => match[1]);
  const source = await readFile(new URL('./config.ts', import.meta.url), 'utf8');
  const schema = source.slice(source.indexOf('const environment = '), source.indexOf('NODE_ENV: z'));
  const read = [...schema.matchAll(/^ {2}([A-Z_]+):/gm)].map((match) => match[1]);
  expect(documented.toSorted()).toEqual(read.toSorted());
});
