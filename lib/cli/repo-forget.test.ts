import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noise } from '#lib/engine/oracle/odd-folder.ts';
import { backup } from '#lib/engine/verbs/backup.ts';
import { initRepository } from '#lib/engine/verbs/init.ts';
import { LocalStore } from '#lib/stores/local.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));
let home: string;
let vault: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-cli-forget-'));
  vault = join(home, 'vault');
  const source = join(home, 'source');
  mkdirSync(source);
  const repo = await initRepository(new LocalStore(vault), { password: 'pass', kdf: { N: 1024, r: 8, p: 1 } });
  for (const [number, day] of ['01', '02', '03', '04'].entries()) {
    writeFileSync(join(source, 'file'), noise(400_000, 2 * number + 1));
    const time = new Date(`2026-03-${day}T10:00:00Z`);
    await backup(repo, { paths: [source], hostname: 'here', tags: day === '01' ? ['first'] : undefined, time });
  }
  await repo.close();
}, 30_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

function holdfast(verb: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, HOME: home, NODE_ENV: 'test' as const, RESTIC_PASSWORD: 'pass' };
  return spawnSync('node', [LAUNCHER, 'repo', verb, '-r', vault, ...args], { env, encoding: 'utf8' });
}
const snapshots = () => readdirSync(join(vault, 'snapshots')).length;

test('rules that make no sense are refused before anything is touched', () => {
  expect(holdfast('forget')).toMatchObject({ status: 1, stderr: expect.stringContaining('No rule says what to keep') });
  expect(holdfast('forget', '--keep-last', 'few')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('whole number'),
  });
  expect(holdfast('forget', '--keep-within', '3w').stderr).toContain('like 1y5m7d2h');
  expect(holdfast('forget', '--keep-last', '1', '-g', 'size').stderr).toContain('"size"');
  expect(holdfast('forget', '--keep-tag', 'none').stderr).toContain('every snapshot of a group');
  expect(holdfast('forget', '--unsafe-allow-remove-all').stderr).toContain('all snapshots of the repository');
  expect(holdfast('prune', '--max-unused', '100%').stderr).toContain('less than 100%');
  expect(snapshots()).toBe(4);
});

test('a dry run tells what would go, and why the others stay', () => {
  const dry = holdfast('forget', '--keep-last', '2', '--keep-tag', 'first', '--dry-run', '--prune');
  expect(dry).toMatchObject({ status: 0, stderr: '' });
  expect(dry.stdout).toContain('keep 3, remove 1');
  expect(dry.stdout).toContain('has tags [first]');
  expect(dry.stdout).toMatch(/Not needed +\d+ blobs +39\d\.\d KiB/);
  expect(dry.stdout).toContain('this was a dry run');
  const [groups] = JSON.parse(`[${holdfast('forget', '--keep-last', '2', '-n', '--json').stdout}]`);
  expect(groups).toMatchObject([
    { host: 'here', keep: [{}, {}], remove: [{}, {}], reasons: [{ matches: ['last snapshot'] }, {}] },
  ]);
  expect(snapshots()).toBe(4);
});

test('forget --prune removes snapshots and their data under one lock; prune then finds nothing', () => {
  const done = holdfast('forget', '--keep-last', '1', '--prune', '--max-unused', '0');
  expect(done).toMatchObject({ status: 0, stderr: '' });
  expect(done.stdout).toMatch(/Removed 3 snapshots\..*Deleted \d+ packs\./s);
  expect(snapshots()).toBe(1);
  expect(readdirSync(join(vault, 'locks'))).toEqual([]);
  expect(holdfast('prune', '--max-unused', '0').stdout).toContain('Nothing to prune.');
  const summary = JSON.parse(holdfast('prune', '--json').stdout);
  expect(summary).toMatchObject({ message_type: 'summary', dry_run: false, unused: { blobs: 0 }, packs_deleted: 0 });
  expect(holdfast('check', '--read-data').status).toBe(0);
});

test('a named snapshot goes whatever the rules would say', () => {
  const [id] = readdirSync(join(vault, 'snapshots'));
  expect(holdfast('forget', 'abcdef').status).not.toBe(0);
  expect(holdfast('forget', (id ?? '').slice(0, 8), '--dry-run').stdout).toContain('Would remove 1 snapshot.');
  expect(holdfast('forget', (id ?? '').slice(0, 8))).toMatchObject({ status: 0 });
  expect(snapshots()).toBe(0);
});
