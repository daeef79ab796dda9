import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { noise } from '#lib/engine/oracle/odd-folder.ts';
import { makeKeyCheap } from '#lib/engine/oracle/restic.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
let home: string;
let template: string;
let vault: string;
let source: string;

/** As a person types it: `verb` may be two words. */
function holdfast(verb: string, ...args: string[]) {
  const common = ['-r', vault, '-p', join(home, 'password')];
  const env = { PATH: process.env.PATH, HOME: home, NODE_ENV: 'test' as const };
  return spawnSync('node', [LAUNCHER, 'repo', ...verb.split(' '), ...common, ...args], { env, encoding: 'utf8' });
}

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-cli-repair-'));
  template = join(home, 'template');
  source = join(home, 'source');
  mkdirSync(source);
  writeFileSync(join(home, 'password'), 'from a file\n');
  writeFileSync(join(source, 'a.bin'), noise(700_000, 1));
  writeFileSync(join(source, 'b.txt'), 'small');
  vault = template;
  expect(holdfast('init').status).toBe(0);
  makeKeyCheap(vault, 'from a file');
  expect(holdfast('backup', source, '--host', 'here').status).toBe(0);
}, 30_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));
beforeEach(() => {
  vault = mkdtempSync(join(home, 'vault-'));
  cpSync(template, vault, { recursive: true });
});

const names = (kind: string) => readdirSync(join(vault, kind));
function largestPack(): { id: string; file: string } {
  const files = names('data').flatMap((sub) => names(join('data', sub)).map((id) => join(vault, 'data', sub, id)));
  const [file = ''] = files.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length);
  return { id: file.slice(-64), file };
}

test('repair index says what it found, and nothing a second time', () => {
  for (const id of names('index')) rmSync(join(vault, 'index', id));
  expect(holdfast('check').status).toBe(1);
  const dry = holdfast('repair index', '--dry-run');
  expect(dry).toMatchObject({ status: 0, stdout: expect.stringContaining('Nothing was changed') });
  expect(names('index')).toEqual([]);
  const run = holdfast('repair index');
  expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining('is in no index; it is added') });
  expect(holdfast('repair index', '--read-all-packs').stdout).toContain('The index is right');
  expect(holdfast('check', '--read-data').status).toBe(0);
  const [summary] = holdfast('repair index', '--json').stdout.trim().split('\n');
  expect(JSON.parse(summary as string)).toMatchObject({ message_type: 'summary', findings: [], damaged_packs: [] });
}, 30_000);

test('a damaged pack is named by check and saved by repair packs; repair snapshots does the rest', () => {
  const { id, file } = largestPack();
  const bytes = readFileSync(file);
  bytes[1000] = (bytes[1000] as number) ^ 1;
  chmodSync(file, 0o600);
  writeFileSync(file, bytes);
  const checked = holdfast('check', '--read-data');
  expect(checked.status).toBe(1);
  expect(checked.stderr).toContain(id);
  expect(checked.stdout).toContain(`repair packs ${id}`);
  expect(checked.stdout).toContain('None of the 1 snapshot restores completely');

  const packs = holdfast('repair packs', id, '--save-copies-to', join(home, 'copies'));
  expect(packs).toMatchObject({ status: 0, stdout: expect.stringContaining('lost: data blob') });
  expect(readdirSync(join(home, 'copies'))).toEqual([`pack-${id}`]);

  const dry = holdfast('repair snapshots', '--dry-run');
  expect(dry.stdout).toContain(`${source}/a.bin`);
  const run = holdfast('repair snapshots', '--forget', 'latest');
  expect(run.stdout).toMatch(/Snapshot [0-9a-f]{8}: repaired as [0-9a-f]{8}, removed\./);
  expect(names('snapshots')).toHaveLength(1);
  expect(holdfast('check', '--read-data')).toMatchObject({ status: 0 });
}, 60_000);

test('repair packs wants ids of packs', () => {
  expect(holdfast('repair packs', 'abc')).toMatchObject({ status: 1, stderr: expect.stringContaining('not the id') });
});

test('copy brings snapshots over once, into a repository that cuts files alike', () => {
  const from = ['--from-repo', template, '--from-password-file', join(home, 'password')];
  vault = join(home, 'second');
  expect(holdfast('init', ...from, '--copy-chunker-params').status).toBe(0);
  const run = holdfast('copy', ...from);
  expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(/copied as [0-9a-f]{8}\.\nCopied 1 snapshot/) });
  expect(run.stdout).not.toContain('cut files differently');
  expect(holdfast('copy', ...from, 'latest', '--no-lock').stdout).toContain('is there already as');
  const [summary] = holdfast('copy', ...from, '--host', 'elsewhere', '--json')
    .stdout.trim()
    .split('\n');
  expect(JSON.parse(summary as string)).toMatchObject({ message_type: 'summary', copied: [], skipped: [], failed: [] });
  expect(holdfast('dump', 'latest', join(source, 'b.txt')).stdout).toBe('small');
  expect(holdfast('backup', source, '--host', 'here', '--json').stdout).toContain('"data_blobs":0');
  expect(holdfast('copy')).toMatchObject({ status: 1, stderr: expect.stringContaining('--from-repo') });
}, 60_000);

test('copy ends as partial when a snapshot of the source is damaged', () => {
  const { file } = largestPack();
  rmSync(file);
  const damaged = vault;
  vault = join(home, 'third');
  expect(holdfast('init').status).toBe(0);
  const run = holdfast('copy', '--from-repo', damaged, '--from-password-file', join(home, 'password'));
  expect(run).toMatchObject({ status: 3, stderr: expect.stringContaining('was not copied') });
  expect(names('snapshots')).toEqual([]);
}, 30_000);
