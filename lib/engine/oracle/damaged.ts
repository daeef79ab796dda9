// A repository made by restic, to be broken on purpose. It is made once; each test breaks a copy of its own.

import { hash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { LocalStore } from '#lib/stores/local.ts';
import { type CpuPool, createCpuPool } from '../cpu/pool.ts';
import { encodeKeyFile } from '../format/key.ts';
import { fileName } from '../repository/files.ts';
import type { Repository } from '../repository/repository.ts';
import type { IndexId, PackId, SnapshotId } from '../types.ts';
import { findNode } from '../verbs/ls-walk.ts';
import { openRepository } from '../verbs/open.ts';
import { loadSnapshot } from '../verbs/snapshots.ts';
import { noise } from './odd-folder.ts';
import { PASSWORD, type Restic } from './restic.ts';

/** Sizes of the files: one of several chunks, one of one, and small ones. */
export const FILES: Record<string, Buffer> = {
  'first/large': noise(6_000_000, 11),
  'first/note': Buffer.from('a small file\n'),
  'second/other': noise(900_000, 12),
  'second/deep/er/leaf': Buffer.from('leaf of the second backup\n'),
  'second/text': Buffer.from('line after line of text that compresses\n'.repeat(20_000)),
};

export interface RawIndexPack {
  id: string;
  blobs: { id: string; type: string; offset: number; length: number; uncompressed_length?: number }[];
}

export interface Template {
  home: string;
  remove: () => void;
}

/** Two snapshots, "first" and "first and second", so that the files lie in different packs and index files. */
export async function makeTemplate(restic: Restic, version: 1 | 2 = 2): Promise<Template> {
  const home = mkdtempSync(join(tmpdir(), 'holdfast-damaged-'));
  const repo = join(home, 'repo');
  restic.init(repo, version);
  for (const round of ['first', 'second']) {
    for (const [path, content] of Object.entries(FILES)) {
      if (!path.startsWith(round)) continue;
      mkdirSync(join(home, 'source', path, '..'), { recursive: true });
      writeFileSync(join(home, 'source', path), content);
    }
    restic.run(repo, ['backup', '--host', 'oracle', 'source'], { cwd: home });
  }
  await cheapKey(repo);
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

/** Another key in place of restic's, which costs half a second at every opening. */
async function cheapKey(folder: string): Promise<void> {
  const store = new LocalStore(folder);
  const repo = await openRepository(store, { password: PASSWORD });
  const owner = { hostname: 'oracle', username: 'tests', created: '2026-01-01T00:00:00Z' };
  const file = await encodeKeyFile(repo.masterKey, PASSWORD, { N: 1024, r: 8, p: 1 }, owner);
  for (const name of readdirSync(join(folder, 'keys'))) rmSync(join(folder, 'keys', name));
  writeFileSync(join(folder, 'keys', hash('sha256', file, 'hex')), file);
  await repo.close();
  await store.close();
}

export class DamagedRepository {
  readonly home: string;
  readonly folder: string;
  readonly store: LocalStore;
  #repo: Repository | undefined;
  readonly #cpu: CpuPool | undefined;

  constructor(template: string, cpu?: CpuPool) {
    this.home = mkdtempSync(join(tmpdir(), 'holdfast-broken-'));
    this.folder = join(this.home, 'repo');
    cpSync(join(template, 'repo'), this.folder, { recursive: true });
    this.store = new LocalStore(this.folder);
    this.#cpu = cpu;
  }

  /** Opened anew after every damage: as another process finds it. */
  async open(): Promise<Repository> {
    await this.#repo?.close();
    this.#repo = await openRepository(this.store, { password: PASSWORD, cpu: this.#cpu });
    return this.#repo;
  }

  async dispose(): Promise<void> {
    await this.#repo?.close();
    await this.store.close();
    rmSync(this.home, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  names(kind: 'index' | 'snapshots' | 'locks'): string[] {
    return readdirSync(this.path(kind));
  }

  packs(): PackId[] {
    return readdirSync(this.path('data')).flatMap((sub) => readdirSync(join(this.path('data'), sub))) as PackId[];
  }

  packFile(id: string): string {
    return this.path(fileName('pack', id));
  }

  /** Oldest first. */
  async snapshots(): Promise<SnapshotId[]> {
    const repo = await this.open();
    const loaded = await Promise.all(this.names('snapshots').map((id) => loadSnapshot(repo, id as SnapshotId)));
    return loaded.sort((a, b) => (a.time < b.time ? -1 : 1)).map(({ id }) => id);
  }

  /** Where a blob of a file, or the tree of a folder, of the newest snapshot lies. */
  async place(path: string, blob = 0): Promise<{ pack: PackId; offset: number; length: number; id: string }> {
    const newest = (await this.snapshots()).at(-1) as SnapshotId;
    const repo = await this.open();
    const node = await findNode(repo, (await loadSnapshot(repo, newest)).tree, `/source/${path}`);
    const id = node?.content?.[blob] ?? node?.subtree ?? '';
    const place = repo.lookup(node?.type === 'dir' ? 'tree' : 'data', id);
    if (!place) throw new Error(`nothing at ${path}`);
    return { ...place, id };
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  removeAll(name: string): void {
    rmSync(this.path(name), { recursive: true });
  }

  change(name: string, change: (bytes: Buffer) => Buffer): void {
    chmodSync(this.path(name), 0o600);
    writeFileSync(this.path(name), change(readFileSync(this.path(name))));
  }

  flipBit(name: string, at: number): void {
    this.change(name, (bytes) => {
      const place = at < 0 ? bytes.length + at : at;
      bytes[place] = (bytes[place] as number) ^ 1;
      return bytes;
    });
  }

  truncate(name: string, length: number): void {
    chmodSync(this.path(name), 0o600);
    truncateSync(this.path(name), length);
  }

  /** Puts a file among the packs under the name that its content has; gives its id. */
  addPack(content: Buffer): PackId {
    const id = hash('sha256', content, 'hex') as PackId;
    mkdirSync(join(this.packFile(id), '..'), { recursive: true });
    writeFileSync(this.packFile(id), content);
    return id;
  }

  async readIndex(id: string): Promise<RawIndexPack[]> {
    const repo = await this.open();
    return JSON.parse((await repo.loadUnpacked('index', id as IndexId)).toString()).packs;
  }

  async writeIndex(packs: readonly RawIndexPack[], more: object = {}): Promise<string> {
    const repo = await this.open();
    return await repo.saveUnpacked('index', Buffer.from(JSON.stringify({ ...more, packs })));
  }

  /** Replaces each index file by what `change` makes of its packs. */
  async rewriteIndexes(change: (packs: RawIndexPack[]) => RawIndexPack[], more?: object): Promise<void> {
    for (const id of this.names('index')) {
      const packs = await this.readIndex(id);
      this.remove(`index/${id}`);
      await this.writeIndex(change(packs), more);
    }
  }

  /** The index knows the blob no longer, as after a repair that could not save it. */
  loseBlob(blob: string): Promise<void> {
    return this.rewriteIndexes((packs) =>
      packs.map((pack) => ({ ...pack, blobs: pack.blobs.filter(({ id }) => id !== blob) })),
    );
  }

  /** As rewriteIndexes(), for the entry of one pack. */
  changeEntry(pack: string, change: (entry: RawIndexPack) => RawIndexPack | undefined): Promise<void> {
    return this.rewriteIndexes((packs) =>
      packs.flatMap((entry) => (entry.id === pack ? (change(entry) ?? []) : entry)),
    );
  }
}

/** Call in a block of tests: `use` gets, before each test, a copy of one template that may be broken. */
export function damagedPerTest(
  restic: Restic,
  use: (given: { broken: DamagedRepository; template: Template; cpu: CpuPool }) => void,
): void {
  let template: Template;
  let cpu: CpuPool;
  let broken: DamagedRepository;
  beforeAll(async () => {
    cpu = createCpuPool();
    template = await makeTemplate(restic);
  }, 60_000);
  afterAll(async () => {
    await cpu.close();
    template.remove();
  });
  beforeEach(() => {
    broken = new DamagedRepository(template.home, cpu);
    use({ broken, template, cpu });
  });
  afterEach(() => broken.dispose());
}
