import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '#lib/engine/oracle/odd-folder.ts';
import { makeKeyCheap } from '#lib/engine/oracle/restic.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
let home: string;
let vault: string;
let source: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  vault = join(home, 'vault');
  source = join(home, 'source');
  mkdirSync(join(source, 'sub'), { recursive: true });
  writeFileSync(join(source, 'a.txt'), 'first');
  writeFileSync(join(source, 'sub', 'b.txt'), 'second');
  writeFileSync(join(source, 'skip.tmp'), 'left out');
  writeFileSync(join(home, 'password'), 'from a file\n');
  expect(holdfast('init').status).toBe(0);
  makeKeyCheap(vault, 'from a file');
  expect(holdfast('backup', source, '--exclude', '*.tmp', '--tag', 'one,two', '--host', 'here').status).toBe(0);
}, 30_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const environment = () => ({ PATH: process.env.PATH, HOME: home, NODE_ENV: 'test' as const });

/** As a person types it, with the repository and the password file given. */
function holdfast(verb: string, ...args: string[]) {
  return raw('repo', verb, '-r', vault, '-p', join(home, 'password'), ...args);
}

function raw(...args: string[]) {
  return spawnSync('node', [LAUNCHER, ...args], { env: environment(), encoding: 'utf8' });
}

const json = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('help and version are no failure and name every command', () => {
  expect(raw('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  const help = raw('repo', '--help');
  expect(help.status).toBe(0);
  for (const verb of ['init', 'backup', 'snapshots', 'ls', 'dump', 'restore', 'check', 'diff', 'find', 'stats']) {
    expect(help.stdout).toContain(`  ${verb} `);
  }
});

test('what was backed up is listed, dumped and restored', () => {
  const [snapshots] = json(holdfast('snapshots', '--json').stdout);
  expect(snapshots).toMatchObject([{ hostname: 'here', tags: ['one', 'two'], paths: [source] }]);
  const listed = holdfast('ls', 'latest').stdout.trim().split('\n');
  expect(listed).toContain(join(source, 'sub', 'b.txt'));
  expect(listed).not.toContain(join(source, 'skip.tmp'));
  expect(holdfast('dump', 'latest', join(source, 'a.txt')).stdout).toBe('first');
  const target = join(home, 'target');
  const dry = holdfast('restore', `latest:${source}`, '--target', target, '--dry-run');
  expect(dry.stdout).toContain('Would create 4');
  expect(readdirSync(home)).not.toContain('target');
  expect(holdfast('restore', `latest:${source}`, '--target', target, '--include', 'b.*', '--verify').status).toBe(0);
  expect(readdirSync(target)).toEqual(['sub']);
  expect(readFileSync(join(target, 'sub', 'b.txt'), 'utf8')).toBe('second');
});

test('with --json every line on standard output is an object, the last one a summary', () => {
  const backup = json(holdfast('backup', source, '--json', '--host', 'here').stdout);
  expect(backup.at(-1)).toMatchObject({
    message_type: 'summary',
    snapshot_id: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const check = json(holdfast('check', '--read-data', '--json').stdout);
  expect(check.at(-1)).toMatchObject({ message_type: 'summary', num_errors: 0, broken_packs: [] });
  const restored = json(holdfast('restore', 'latest', '-t', join(home, 'as json'), '--json').stdout);
  expect(restored.at(-1)).toMatchObject({ message_type: 'summary', error_count: 0, files_skipped: 0 });
});

describe("restic's exit codes and a sentence that helps", () => {
  test('10: no repository', () => {
    const run = raw('repo', 'snapshots', '-r', join(home, 'nothing'), '-p', join(home, 'password'));
    expect(run.status).toBe(10);
    expect(run.stderr).toContain('There is no repository at');
  });

  test('12: wrong password', () => {
    writeFileSync(join(home, 'wrong'), 'x');
    const run = raw('repo', 'snapshots', '-r', vault, '-p', join(home, 'wrong'), '--json');
    expect(run.status).toBe(12);
    expect(JSON.parse(run.stderr)).toMatchObject({ message_type: 'exit_error', code: 12 });
  });

  test('1: no repository given, no password, unknown command, unknown snapshot, foreign scheme', () => {
    expect(raw('repo', 'snapshots')).toMatchObject({ status: 1, stderr: expect.stringContaining('-r <folder>') });
    expect(raw('repo', 'snapshots', '-r', vault)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--password-file'),
    });
    expect(raw('repo', 'frobnicate').status).toBe(1);
    expect(holdfast('ls', 'ffffffff')).toMatchObject({ status: 1, stderr: expect.stringContaining('No snapshot') });
    expect(raw('repo', 'snapshots', '-r', 's3:somewhere')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('s3'),
    });
  });

  test('1: a second init changes nothing', () => {
    expect(holdfast('init')).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing was changed') });
  });

  test('130: interrupted, without a lock or a snapshot left', async () => {
    const large = join(home, 'large');
    mkdirSync(large);
    for (let i = 0; i < 30; i++) writeFileSync(join(large, `${i}`), noise(8_000_000, i + 1));
    const before = readdirSync(join(vault, 'snapshots')).length;
    const args = [LAUNCHER, 'repo', 'backup', '-r', vault, '-p', join(home, 'password'), '--json', large];
    // Its own process group, so that the signal reaches launcher and program as from a terminal.
    const child: ChildProcess = spawn('node', args, { env: environment(), detached: true });
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    process.kill(-(child.pid as number), 'SIGINT');
    expect(await ended).toBe(130);
    expect(stderr).toContain('Stopped on request');
    expect(readdirSync(join(vault, 'snapshots'))).toHaveLength(before);
    expect(readdirSync(join(vault, 'locks'))).toEqual([]);
  }, 60_000);
});
