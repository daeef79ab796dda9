// Verifying a repository without changing it: index files, packs, every tree of every snapshot, and on request every byte.
// Data is read before the trees, so that damage can be told in paths: people know files, not blobs.

import { isAppError, throwIfCancelled } from '#lib/errors.ts';
import { type CpuPool, createCpuPool, type PackVerdict } from '../cpu/pool.ts';
import { nameProblem, type TreeNode } from '../format/node.ts';
import type { BlobType, PackEntry } from '../format/pack.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import { iterateTree } from '../format/tree.ts';
import { plainLength } from '../repository/blob-index.ts';
import { damageText } from '../repository/blob-reader.ts';
import { CONFIG_NAME, fileName } from '../repository/files.ts';
import { type IndexedPackInfo, inParallel, type Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { CheckFinding, CheckProgress, CheckResult, PathText, Snapshot, SnapshotId, TreeId } from '../types.ts';
import { choosePacks, type ReadDataSubset } from './check-subset.ts';
import { TreeVerdicts } from './check-trees.ts';
import { type LockChoice, underSharedLock } from './ls-lock.ts';
import { type PackListing, surveyIndexes } from './repair-survey.ts';
import { loadSnapshot } from './snapshots.ts';

export interface CheckOptions extends LockChoice {
  /** Read every pack and verify every blob. */
  readData?: boolean;
  /** Read these packs only. */
  readDataSubset?: ReadDataSubset;
  onProgress?: (progress: CheckProgress) => void;
}

/** A repository that lost a pack can have a million findings; the first ones tell what happened. */
const MAX_FINDINGS = 10_000;
/** Trees decoded at once. */
const TREE_LANES = 8;

/** Findings are never thrown; only what keeps the check from going on is (store unreachable, cancelled). */
export async function checkRepository(repo: Repository, options: CheckOptions = {}): Promise<CheckResult> {
  const own = repo.cpu ? undefined : createCpuPool();
  try {
    const cpu = (repo.cpu ?? own) as CpuPool;
    return await underSharedLock(repo, options, (signal) => new Check(repo, { ...options, signal }, cpu).run());
  } finally {
    await own?.close();
  }
}

interface TreeToCheck {
  id: TreeId;
  path: PathText;
  snapshot: SnapshotId;
}

class Check {
  readonly #repo: Repository;
  readonly #options: CheckOptions;
  readonly #cpu: CpuPool;
  readonly #findings: CheckFinding[] = [];
  #unlisted = 0;
  #errors = 0;
  #bytesRead = 0;
  /** Packs whose blobs cannot be relied on because the file is not there. */
  readonly #missingPacks = new Set<string>();
  /** Packs whose entry in the index is known to be wrong: what else is wrong with them follows from that. */
  readonly #misdescribed = new Set<string>();
  readonly #trees = new TreeVerdicts();
  readonly #unreadable: SnapshotId[] = [];
  /** "<type> <id>" of blobs that did not open, by pack. */
  readonly #damaged = new Set<string>();
  readonly #report: (value: () => CheckProgress, force?: boolean) => void;

  constructor(repo: Repository, options: CheckOptions, cpu: CpuPool) {
    this.#repo = repo;
    this.#options = options;
    this.#cpu = cpu;
    this.#report = throttled(options.onProgress);
  }

  async run(): Promise<CheckResult> {
    // Before the index: whatever a listed snapshot needs is then in it.
    const snapshots = await this.#loadSnapshots();
    await this.#checkIndexes();
    const sizes = await this.#checkPacks();
    const { readData, readDataSubset } = this.#options;
    if (readDataSubset) await this.#readSubset(readDataSubset, sizes, snapshots);
    else if (readData) await this.#readData(sizes);
    await this.#checkTrees(snapshots);
    // A repository that vanished in the middle looks empty, and an empty one has no damage.
    await this.#repo.store.stat(CONFIG_NAME, { signal: this.#options.signal });
    if (this.#unlisted > 0) {
      const message = `${this.#unlisted} more findings are not listed.`;
      this.#findings.push({ severity: this.#errors > 0 ? 'error' : 'hint', kind: 'more', message });
    }
    return {
      ok: this.#errors === 0,
      packs: this.#repo.index.packCount,
      blobs: this.#repo.index.size,
      snapshots: snapshots.length,
      damagedSnapshots: [...this.#unreadable, ...this.#trees.damaged(snapshots)],
      bytesRead: this.#bytesRead,
      findings: this.#findings,
    };
  }

  #find(finding: CheckFinding): void {
    if (finding.severity === 'error') this.#errors += 1;
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
    else this.#unlisted += 1;
  }

  #progress(phase: CheckProgress['phase'], done: number, total: number, bytesTotal = 0, force = false): void {
    this.#report(() => ({ phase, done, total, bytesDone: this.#bytesRead, bytesTotal }), force);
  }

  async #loadSnapshots(): Promise<Snapshot[]> {
    const { signal } = this.#options;
    const ids: SnapshotId[] = [];
    for await (const { id } of this.#repo.listFiles('snapshot', { signal })) ids.push(id);
    const snapshots: Snapshot[] = [];
    await inParallel(ids, this.#repo.store.connections, async (id) => {
      try {
        snapshots.push(await loadSnapshot(this.#repo, id, signal));
      } catch (error) {
        if (!isAppError(error, 'repository-damaged')) throw error;
        this.#unreadable.push(id);
        this.#find({ severity: 'error', kind: 'damaged-snapshot', message: error.message, snapshot: id });
      }
    });
    return snapshots;
  }

  async #checkIndexes(): Promise<void> {
    const { unreadable, packs } = await surveyIndexes(this.#repo, {
      signal: this.#options.signal,
      onIndex: (done, total) => this.#progress('index', done, total),
      onContent: (id, content) => this.#repo.indexWritten(id, content),
    });
    for (const { message } of unreadable) this.#find({ severity: 'error', kind: 'damaged-index', message });
    for (const [pack, listings] of packs) {
      const [first, ...others] = listings as [PackListing, ...PackListing[]];
      const error = (kind: string, message: string) => {
        this.#misdescribed.add(pack);
        this.#find({ severity: 'error', kind, message, pack });
      };
      if (listings.some(({ mixed }) => mixed)) {
        this.#find({
          severity: 'hint',
          kind: 'mixed-pack',
          message: `Pack ${pack} holds both files and folders.`,
          pack,
        });
      }
      const contradicting = others.find(({ digest }) => digest !== first.digest);
      const other = contradicting ?? others[0];
      const where = other && `index files ${first.index.slice(0, 8)} and ${other.index.slice(0, 8)}`;
      if (contradicting) error('contradictory-index', `Pack ${pack} is described differently in ${where}.`);
      else if (first.flaw) error('wrong-layout', `The index ${first.flaw} of pack ${pack}.`);
      else if (where) {
        this.#find({ severity: 'hint', kind: 'duplicate-index', message: `Pack ${pack} is in ${where}.`, pack });
      }
    }
  }

  /** Sizes of the packs that are there. */
  async #checkPacks(): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for await (const { id, size } of this.#repo.listFiles('pack', this.#options)) sizes.set(id, size);
    for (const { id, size } of this.#repo.packs()) {
      const there = sizes.get(id);
      if (there === undefined) {
        this.#missingPacks.add(id);
        this.#find({ severity: 'error', kind: 'missing-pack', message: `Pack ${id} is missing.`, pack: id });
      } else if (there !== size && !this.#misdescribed.has(id)) {
        const message = `Pack ${id} has ${there} bytes instead of ${size}.`;
        this.#find({ severity: 'error', kind: 'wrong-size', message, pack: id });
      }
    }
    for (const id of sizes.keys()) {
      if (this.#repo.index.hasPack(id)) continue;
      const message = `Pack ${id} is in no index: left by an interrupted backup, or its index file is lost.`;
      this.#find({ severity: 'hint', kind: 'unreferenced-pack', message, pack: id });
    }
    this.#progress('packs', sizes.size, sizes.size, 0, true);
    return sizes;
  }

  async #readSubset(subset: ReadDataSubset, sizes: Map<string, number>, snapshots: readonly Snapshot[]): Promise<void> {
    const indexed = new Map([...sizes].filter(([id]) => this.#repo.index.hasPack(id)));
    const chosen = await choosePacks(this.#repo, subset, indexed, snapshots, this.#options);
    await this.#readData(new Map([...indexed].filter(([id]) => chosen.has(id))));
  }

  async #readData(sizes: Map<string, number>): Promise<void> {
    const { signal } = this.#options;
    const index = this.#repo.index;
    const there = { length: 0, bytes: 0 };
    for (const [id, size] of sizes) {
      if (!index.hasPack(id)) continue;
      there.length += 1;
      there.bytes += size;
    }
    const bytesTotal = there.bytes;
    // One pack's list of blobs at a time: all of them at once would take several hundred bytes a blob.
    const packs = this.#packsThere(sizes);
    let done = 0;
    // One pack more than threads is being fetched: memory stays near (threads + 1) x 16 MiB.
    await fromGenerator(packs, this.#cpu.threads + 1, async (pack) => {
      throwIfCancelled(signal);
      let trouble = await this.#packTrouble(pack);
      // Once more: the first damage may be the way's, not the store's.
      if (trouble.length > 0) trouble = await this.#packTrouble(pack);
      for (const finding of trouble) this.#find(finding);
      this.#bytesRead += sizes.get(pack.id) ?? 0;
      this.#progress('data', ++done, there.length, bytesTotal);
    });
    this.#progress('data', done, there.length, bytesTotal, true);
  }

  *#packsThere(sizes: Map<string, number>): Generator<IndexedPackInfo> {
    for (const pack of this.#repo.packs()) if (sizes.has(pack.id)) yield pack;
  }

  async #packTrouble({ id, blobs }: IndexedPackInfo): Promise<CheckFinding[]> {
    const found: CheckFinding[] = [];
    const error = (kind: string, message: string) => found.push({ severity: 'error', kind, message, pack: id });
    const damage = (type: BlobType, blob: string, why: string) => {
      this.#damaged.add(`${id} ${type} ${blob}`);
      error('damaged-blob', `The ${type} blob ${blob} in pack ${id} is damaged: ${why}.`);
    };
    for (const blob of blobs) this.#damaged.delete(`${id} ${blob.type} ${blob.id}`);
    let bytes: Buffer;
    try {
      bytes = await this.#repo.store.get(fileName('pack', id), undefined, this.#options);
    } catch (cause) {
      if (!isAppError(cause, 'not-found', 'repository-damaged')) throw cause;
      error('unreadable-pack', `Pack ${id} cannot be read: ${cause.message}`);
      return found;
    }
    // The memory is given away to a thread; a copy is needed only when there is something to look at again.
    const verdict = await this.#cpu.readPack(this.#repo.masterKey, bytes);
    if (verdict.id !== id) error('damaged-pack', `Pack ${id} does not have the content its name stands for.`);
    if (!verdict.entries) {
      error('damaged-header', `Pack ${id}: ${verdict.headerProblem}`);
      for (const blob of blobs) {
        try {
          const place = { pack: id, ...blob };
          await this.#repo.openBlob(await this.#repo.loadSealed(place, this.#options), blob, id);
        } catch (cause) {
          if (!isAppError(cause, 'repository-damaged', 'not-found')) throw cause;
          damage(blob.type, blob.id, cause.message);
        }
      }
      return found;
    }
    for (const { entry, damage: why } of verdict.damaged) damage(entry.type, entry.id, damageText(why));
    const difference = headerDifference(verdict, blobs);
    if (difference) error('wrong-index', `Pack ${id}: ${difference}`);
    return found;
  }

  /** Breadth first over all snapshots together; each tree once, however many share it. */
  async #checkTrees(snapshots: readonly Snapshot[]): Promise<void> {
    const queue: TreeToCheck[] = [];
    const add = (tree: TreeToCheck) => {
      if (this.#trees.add(tree.id)) queue.push(tree);
    };
    for (const [index, snapshot] of snapshots.entries()) {
      add({ id: snapshot.tree, path: '/', snapshot: snapshot.id });
      while (queue.length > 0) {
        const batch = queue.splice(0, 512);
        await inParallel(batch, TREE_LANES, (tree) => this.#checkTree(tree, add));
        this.#progress('snapshots', index, snapshots.length);
      }
    }
    this.#progress('snapshots', snapshots.length, snapshots.length, 0, true);
  }

  async #checkTree(tree: TreeToCheck, add: (tree: TreeToCheck) => void): Promise<void> {
    throwIfCancelled(this.#options.signal);
    const { path, snapshot } = tree;
    const error = (kind: string, message: string, at = path) => {
      this.#trees.bad(tree.id);
      this.#find({ severity: 'error', kind, message, path: at, snapshot });
    };
    let previous: Buffer | undefined;
    try {
      const blob = await this.#repo.loadBlob('tree', tree.id, this.#options);
      for (const node of iterateTree(blob)) {
        const nodePath = joinPathText(path, pathTextFromBytes(node.name));
        const problem = nameProblem(node.name);
        if (problem) error('bad-name', `An entry of ${path} has a name that ${problem}.`, nodePath);
        const order = previous ? Buffer.compare(previous, node.name) : -1;
        if (order === 0) error('duplicate-name', `${nodePath} is there twice.`, nodePath);
        if (order > 0) {
          const message = `The entries of ${path} are not sorted.`;
          this.#find({ severity: 'hint', kind: 'unsorted-tree', message, path, snapshot });
        }
        previous = node.name;
        this.#checkNode(node, nodePath, tree);
        if (node.type !== 'dir' || !node.subtree) continue;
        add({ id: node.subtree, path: nodePath, snapshot });
        this.#trees.edge(tree.id, node.subtree);
      }
    } catch (cause) {
      if (!isAppError(cause, 'repository-damaged', 'not-found')) throw cause;
      error('damaged-tree', `The folder ${path} cannot be read: ${cause.message}`);
    }
  }

  #checkNode(node: TreeNode, path: PathText, { id, snapshot }: TreeToCheck): void {
    const error = (kind: string, message: string) => {
      this.#trees.bad(id);
      this.#find({ severity: 'error', kind, message, path, snapshot });
    };
    if (node.type === 'dir') {
      if (!node.subtree) error('missing-tree', `The folder ${path} has no tree.`);
      return;
    }
    if (node.type !== 'file') return;
    if (!node.content) error('missing-content', `The file ${path} has no list of contents.`);
    let size = 0;
    for (const blob of node.content ?? []) {
      const places = this.#repo.index.lookupAll('data', blob);
      const [place] = places;
      if (!place) {
        error('missing-blob', `${path} needs blob ${blob}, which is in no index.`);
        return;
      }
      size += plainLength(place);
      const good = places.some(
        ({ pack }) => !this.#missingPacks.has(pack) && !this.#damaged.has(`${pack} data ${blob}`),
      );
      if (!good) {
        const where = `its blob ${blob} in pack ${place.pack} is missing or damaged.`;
        error('lost-content', `${path} cannot be restored: ${where}`);
        return;
      }
    }
    if (size !== (node.size ?? 0)) {
      const message = `${path} is recorded with ${node.size ?? 0} bytes, its content has ${size}.`;
      this.#find({ severity: 'hint', kind: 'wrong-file-size', message, path, snapshot });
    }
  }
}

function headerDifference({ entries = [] }: PackVerdict, blobs: readonly PackEntry[]): string | undefined {
  if (entries.length !== blobs.length) return `its header lists ${entries.length} blobs, the index ${blobs.length}.`;
  for (const [i, entry] of entries.entries()) {
    const indexed = blobs[i];
    if (
      indexed?.id !== entry.id ||
      indexed.type !== entry.type ||
      indexed.offset !== entry.offset ||
      indexed.length !== entry.length ||
      indexed.uncompressedLength !== entry.uncompressedLength
    ) {
      return `entry ${i + 1} of its header (blob ${entry.id}) differs from the index.`;
    }
  }
  return undefined;
}

/** As inParallel(), for items that are too large to be made all at once. */
async function fromGenerator<T>(items: Iterator<T>, lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  let stopped = false;
  const lane = async () => {
    while (!stopped) {
      const { value, done } = items.next();
      if (done) return;
      try {
        await work(value);
      } catch (error) {
        stopped = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
