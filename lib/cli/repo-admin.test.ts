// The administrative commands as a person types them, against a repository that restic made and looks into afterwards.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithRestic, PASSWORD, type Restic } from '#lib/engine/oracle/restic.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/holdfast.js', import.meta.url));

const json = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describeWithRestic('administrative commands', (restic: Restic) => {
  let home: string;
  let vault: string;

  function holdfast(...args: string[]) {
    const env = { PATH: process.env.PATH, HOME: home, NODE_ENV: 'test' as const, TZ: process.env.TZ };
    const given = { RESTIC_REPOSITORY: vault, RESTIC_PASSWORD: PASSWORD };
    return spawnSync('node', [LAUNCHER, 'repo', ...args], { env: { ...env, ...given }, encoding: 'utf8' });
  }
  const asked = (...args: string[]) => {
    const text = restic.run(vault, [...args, '--json'], { env: { HOME: home } }).toString();
    return json(text.slice(text.search(/^[[{]/m)));
  };
  const file = (name: string, text: string) => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'holdfast-admin-'));
    vault = join(home, 'vault');
    const source = join(home, 'source');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'a.txt'), 'first');
    writeFileSync(join(source, 'sub/b.txt'), 'second');
    restic.init(vault);
    restic.run(vault, ['backup', '--host', 'one', '--tag', 'a,b', 'source'], { cwd: home });
    writeFileSync(join(source, 'a.txt'), 'first, changed');
    writeFileSync(join(source, 'new'), 'new');
    rmSync(join(source, 'sub'), { recursive: true });
    restic.run(vault, ['backup', '--host', 'two', '--tag', 'c', 'source'], { cwd: home });
  }, 60_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test('key: a password is added, listed, changed and removed, and restic agrees', () => {
    const second = file('second', 'second password\n');
    const added = holdfast('key', 'add', '--new-password-file', second, '--host', 'desk', '--user', 'ann');
    expect(added).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Added the key [0-9a-f]{64}\./) });
    const [keys] = json(holdfast('key', 'list', '--json').stdout);
    const theirs = asked('key', 'list')[0];
    const sorted = (list: { id: string }[]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    // restic 0.14 prints short ids.
    const short = sorted(keys).map((key) => ({ ...key, id: key.id.slice(0, 8) }));
    expect(short).toEqual(sorted(theirs).map((key) => ({ ...key, id: key.id.slice(0, 8) })));
    expect(holdfast('key', 'list').stdout).toMatch(/^\*[0-9a-f]{8} .*\n[^*]*$/m);

    const current = keys.find((key: { current: boolean }) => key.current).id;
    const self = holdfast('key', 'remove', current);
    expect(self).toMatchObject({ status: 1, stderr: expect.stringContaining('it cannot remove itself') });
    const other = ['-p', second];
    const third = file('third', 'third password\n');
    const changed = holdfast('key', 'passwd', ...other, '--new-password-file', third, '--json');
    expect(json(changed.stdout)).toMatchObject([{ message_type: 'key_changed' }]);
    expect(holdfast('snapshots', ...other).status).toBe(12);
    const hinted = holdfast('snapshots', '-p', third, '--key-hint', json(changed.stdout)[0].id.slice(0, 8));
    expect(hinted.status).toBe(0);
    const env = { RESTIC_PASSWORD: 'third password' };
    expect(restic.try(vault, ['snapshots'], { env }).status).toBe(0);
    expect(holdfast('key', 'remove', json(changed.stdout)[0].id.slice(0, 10)).stdout).toContain('1 key left');
    expect(restic.try(vault, ['snapshots'], { env }).status).not.toBe(0);
    const empty = holdfast('key', 'add', '--new-password-file', file('empty', '\n'));
    expect(empty).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing was changed') });
    expect(holdfast('key', 'add')).toMatchObject({ status: 1, stderr: expect.stringContaining('--new-password-file') });
    expect(readdirSync(join(vault, 'keys'))).toHaveLength(1);
  }, 120_000);

  test('stats and diff print what restic prints as JSON', () => {
    for (const mode of ['restore-size', 'files-by-contents', 'raw-data']) {
      const [theirs] = asked('stats', '--mode', mode);
      const [ours] = json(holdfast('stats', '--mode', mode, '--json').stdout);
      expect(ours.total_size).toBe(theirs.total_size);
      if (restic.version() !== '0.14.0') {
        for (const [key, value] of Object.entries(theirs)) {
          if (typeof value === 'number') expect(ours[key], key).toBeCloseTo(value, 6);
        }
      }
    }
    expect(holdfast('stats', '--host', 'one').stdout).toMatch(/Snapshots +1\n/);
    const [a, b] = asked('snapshots')[0].map(({ id }: { id: string }) => id);
    for (const flags of [[], ['--metadata']]) {
      const ours = json(holdfast('diff', a, b, '--json', ...flags).stdout);
      expect(ours).toEqual(asked('diff', a, b, ...flags));
    }
    const text = holdfast('diff', a, b).stdout;
    expect(text).toContain('M    /source/a.txt');
    expect(text).toContain('-    /source/sub/b.txt');
    expect(text).toContain('Files:       1 new, 1 removed, 1 changed');
  }, 120_000);

  test('find prints what restic prints as JSON', () => {
    const byId = (list: { snapshot: string }[]) => list.toSorted((x, y) => (x.snapshot < y.snapshot ? -1 : 1));
    for (const args of [['*.txt'], ['--host', 'one', 'sub'], ['nothing']]) {
      const [ours] = json(holdfast('find', ...args, '--json').stdout);
      const [theirs] = asked('find', ...args);
      // 0.14 tells less of each match.
      if (restic.version() === '0.14.0')
        expect(byId(ours)).toMatchObject(byId(theirs).map(({ snapshot }) => ({ snapshot })));
      else expect(byId(ours)).toEqual(byId(theirs));
    }
    expect(holdfast('find', '--oldest', 'soon', 'x')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('"soon" is not a time'),
    });
    expect(holdfast('find', 'nothing').stdout).toBe('Nothing was found.\n');
    const [blob] = holdfast('list', 'blobs')
      .stdout.split('\n')
      .filter((line) => line.startsWith('data'));
    const found = holdfast('find', '--blob', (blob as string).slice(5, 20), '--show-pack-id');
    expect(found.stdout).toMatch(/in file \/source\/.*\n {2}in snapshot [0-9a-f]{8} of [\s\S]*is in pack [0-9a-f]{64}/);
  }, 120_000);

  test('tag: new tags under new ids, as restic tells it', () => {
    const before = asked('snapshots')[0].map(({ id }: { id: string }) => id);
    const lines = json(holdfast('tag', '--add', 'x,y', '--remove', 'a', '--tag', 'a,b', '--json').stdout);
    expect(lines).toEqual([
      { message_type: 'changed', old_snapshot_id: before[0], new_snapshot_id: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { message_type: 'summary', changed_snapshots: 1 },
    ]);
    expect(asked('snapshots')[0][0]).toMatchObject({ original: before[0], tags: ['b', 'x', 'y'] });
    expect(holdfast('tag', '--add', 'x', '--tag', 'x').stdout).toContain('No snapshot was changed');
    expect(holdfast('tag', '--set', 'a', '--add', 'b')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('not both'),
    });
    expect(holdfast('tag').status).toBe(1);
    expect(holdfast('tag', '--set', '', 'latest').stdout).toContain('with no tags');
  }, 120_000);

  test('cat and list print what restic prints', () => {
    for (const kind of ['snapshots', 'packs', 'index', 'keys', 'blobs']) {
      const lines = (text: string) => text.trim().split('\n').sort();
      expect(lines(holdfast('list', kind).stdout)).toEqual(lines(restic.run(vault, ['list', kind]).toString()));
    }
    const trimmed = (text: string | Buffer) => text.toString().trim();
    expect(trimmed(holdfast('cat', 'config').stdout)).toBe(trimmed(restic.run(vault, ['cat', 'config'])));
    const master = holdfast('cat', 'masterkey');
    expect(trimmed(master.stdout)).toBe(trimmed(restic.run(vault, ['cat', 'masterkey'])));
    expect(master.stderr).toContain('Show it to nobody');
    expect(holdfast('cat', 'tree', 'latest:/source').stdout).toContain('"name":"a.txt"');
    expect(holdfast('cat', 'pack')).toMatchObject({ status: 1, stderr: expect.stringContaining('its id is missing') });
    expect(holdfast('cat', 'rubbish')).toMatchObject({ status: 1, stderr: expect.stringContaining('Allowed choices') });
  }, 120_000);

  test('unlock: shows every lock, removes what is stale, and all of them when told to', () => {
    expect(holdfast('unlock').stdout).toBe('The repository is not locked.\n');
    // Killed in the middle of its work, restic leaves its lock.
    const shell = `"${restic.program}" -r "${vault}" --no-cache backup --stdin --stdin-filename x < <(sleep 30) & pid=$!
      while [ -z "$(ls "${vault}/locks")" ]; do sleep 0.1; done; kill -9 $pid; wait $pid 2>/dev/null; true`;
    spawnSync('bash', ['-c', shell], { env: { ...process.env, RESTIC_PASSWORD: PASSWORD }, stdio: 'ignore' });
    expect(holdfast('tag', '--add', 'z')).toMatchObject({
      status: 11,
      stderr: expect.stringContaining('is locked by'),
    });
    writeFileSync(join(vault, 'locks', '1'.repeat(64)), 'rubbish');
    const dry = holdfast('unlock', '--dry-run');
    expect(dry.stdout).toMatch(/shared +root on |shared +\S+ on /);
    expect(dry.stdout).toContain('on this machine any more');
    expect(dry.stdout).toContain('Would remove 1 lock of 2.');
    expect(readdirSync(join(vault, 'locks'))).toHaveLength(2);
    const lines = json(holdfast('unlock', '--json').stdout);
    expect(lines.map(({ message_type, stale }) => `${message_type} ${stale}`).sort()).toEqual([
      'lock false',
      'lock true',
      'summary undefined',
    ]);
    expect(lines.at(-1)).toEqual({ message_type: 'summary', removed: 1, remaining: 1 });
    expect(holdfast('unlock').stdout).toContain('--remove-all removes it too');
    expect(holdfast('unlock', '--remove-all').stdout).toContain('Removed 1 lock, none is left.');
    expect(existsSync(join(vault, 'locks', '1'.repeat(64)))).toBe(false);
    restic.run(vault, ['check']);
  }, 120_000);
});
