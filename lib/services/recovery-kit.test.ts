import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithRestic } from '#lib/engine/oracle/restic.ts';
import { testApi } from '../../testing/api.ts';

const api = testApi();
let cookie: string;
beforeAll(async () => {
  cookie = await api.signIn('owner');
});

describeWithRestic('the recovery kit', (restic) => {
  test('its commands, pasted as they stand, check the vault and bring back every byte', async () => {
    const work = join(api.folder, `kit-${restic.version()}`);
    const source = join(work, "it's a source");
    await mkdir(join(source, 'deep'), { recursive: true });
    await writeFile(join(source, 'deep', 'file'), 'precious');
    const vault = { name: `kit ${restic.version()}`, store: { kind: 'local', path: join(work, `va'ult`) } };
    const body = await (await api.call('POST', '/api/v1/vaults', { cookie, body: vault })).json();
    const kit = await api.call('GET', `/api/v1/vaults/${body.id}/recovery-kit`, { cookie });
    expect(kit.headers.get('content-disposition')).toMatch(/^attachment; filename="holdfast-recovery-kit-kit/);
    expect(kit.headers.get('cache-control')).toContain('no-store');
    const text = await kit.text();
    expect(text).toContain(body.repositoryId);
    const bin = join(work, 'bin');
    await mkdir(bin);
    await symlink(restic.program, join(bin, 'restic'));
    const paste = (lines: string[]) =>
      execFileSync('sh', ['-eu', '-c', lines.join('\n')], {
        cwd: work,
        encoding: 'utf8',
        env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: work, XDG_CACHE_HOME: join(work, 'cache') },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
    const commands = text.split('\n').filter((line) => /^(export|restic) /.test(line));
    expect(commands.length).toBeGreaterThanOrEqual(9);
    paste([...commands.slice(0, 2), `restic backup "${source}"`]);
    // The example of the kit is a path of the newest recovery point: here there is no row yet, so it is put in.
    const usable = commands.map((line) => line.replace("'/etc/hostname'", `"${join(source, 'deep', 'file')}"`));
    const said = paste(usable);
    expect(said).toContain('no errors were found');
    expect(await readFile(join(work, 'restored', source, 'deep', 'file'), 'utf8')).toBe('precious');
    expect(await readFile(join(work, 'restored-part', source, 'deep', 'file'), 'utf8')).toBe('precious');
    expect(await readFile(join(work, 'restored-dump'), 'utf8')).toBe('precious');
    const after = await (await api.call('GET', `/api/v1/vaults/${body.id}`, { cookie })).json();
    expect(Date.now() - Date.parse(after.kitDownloadedAt)).toBeLessThan(60_000);
    expect(await api.db().auditEvent.count({ where: { action: 'vault.recovery-kit', subjectId: body.id } })).toBe(1);
  });
});
