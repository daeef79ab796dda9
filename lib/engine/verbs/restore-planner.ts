// Decides for every entry of a snapshot what a restore would do with it, by looking at what the target has. Reads only.

import type { BigIntStats } from 'node:fs';
import { lstatSync, readdirSync } from 'node:fs';
import { AppError } from '#lib/errors.ts';
import { nodeTypeFromStMode } from '../format/mode.ts';
import type { TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes, splitPathText } from '../format/path-text.ts';
import type { Repository } from '../repository/repository.ts';
import { compareItems } from '../restore/compare.ts';
import { decide, mayKeepParts, metadataDiffers } from '../restore/decide.ts';
import { metadataOf } from '../restore/metadata.ts';
import type { PackPool } from '../restore/pack-pool.ts';
import {
  bytesOf,
  itemOf,
  type PlannedFolder,
  type PlannedItem,
  type PlannedRemoval,
  ProblemLog,
  targetText,
  throttled,
} from '../restore/plan-items.ts';
import { posix } from '../restore/posix.ts';
import { cleanPath, Selection } from '../restore/selection.ts';
import { freeBytes, lstat, requireMakeable, resolveTarget } from '../restore/target.ts';
import type { PathText, RestoreOptions, RestoreOverwrite, RestoreProgress, TreeId } from '../types.ts';
import { findNode, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

/** Entries looked at between two turns of the event loop: about 5 ms. */
const ENTRIES_PER_TURN = 500;

export interface RestoreDraft {
  repo: Repository;
  options: RestoreOptions;
  target: string;
  /** Each after the folder that holds it; the target first. */
  folders: PlannedFolder[];
  items: PlannedItem[];
  removals: PlannedRemoval[];
  problems: ProblemLog;
  /** Entries that the snapshot does not have and that stay. */
  extra: number;
  /** What other systems attach to entries and this one cannot keep, with how many entries have it and one of them. */
  foreign: Map<string, { count: number; example: PathText }>;
  freeBytes?: number;
}

export class RestorePlanner {
  readonly #repo: Repository;
  readonly #options: RestoreOptions;
  readonly #pool: PackPool;
  readonly #overwrite: RestoreOverwrite;
  readonly #selection: Selection;
  readonly #draft: RestoreDraft;
  readonly #folders = new Map<PathText, PlannedFolder>();
  /** Names of the snapshot that lie in folders that are there already. */
  readonly #names = new Map<PlannedFolder, Set<string>>();
  readonly #inodes = new Map<PlannedItem, string>();
  readonly #toCompare: PlannedItem[] = [];
  readonly #maySplit = new Set<PlannedItem>();
  #depth = 0;

  constructor(repo: Repository, options: RestoreOptions, pool: PackPool) {
    this.#repo = repo;
    this.#options = options;
    this.#pool = pool;
    this.#overwrite = options.overwrite ?? 'always';
    this.#selection = new Selection(options.include ?? [], options.patterns);
    this.#draft = {
      repo,
      options,
      target: resolveTarget(options.target),
      folders: [],
      items: [],
      removals: [],
      problems: new ProblemLog(options.onProblem),
      extra: 0,
      foreign: new Map(),
    };
  }

  async plan(): Promise<RestoreDraft> {
    const { snapshot, signal, onProgress } = this.#options;
    const { tree } = await loadSnapshot(this.#repo, snapshot, signal);
    await this.#repo.loadIndex({ signal });
    requireMakeable(this.#draft.target);
    const strip = cleanPath(this.#options.strip ?? '/');
    this.#depth = strip === '/' ? 0 : strip.split('/').length - 1;
    const root = await this.#root(strip, tree);
    const report = throttled(onProgress);
    let totalBytes = 0;
    const progress = (currentPath?: PathText): RestoreProgress => {
      const { items, problems } = this.#draft;
      const counts = { filesDone: 0, bytesDone: 0, problems: problems.count };
      return { phase: 'planning', totalFiles: items.length, totalBytes, currentPath, ...counts };
    };
    let turn = 0;
    const walk = walkTree(this.#repo, root.subtree ?? tree, {
      path: strip,
      enter: ({ path }) => this.#folders.has(path),
      onProblem: (problem) => this.#draft.problems.add(problem),
      signal,
    });
    for await (const { node, path } of walk) {
      this.#add(node, path);
      totalBytes += node.size ?? 0;
      report(() => progress(path));
      if (++turn % ENTRIES_PER_TURN === 0) await new Promise(setImmediate);
    }
    const [missing] = this.#selection.missing();
    if (missing !== undefined)
      throw new AppError('not-found', `"${missing}" is not in the snapshot${strip === '/' ? '' : ` below ${strip}`}.`);
    this.#dropEmptyWays();
    await this.#compare();
    this.#linkNames();
    this.#findExtra();
    this.#draft.freeBytes = freeBytes(this.#draft.target);
    report(progress, true);
    return this.#draft;
  }

  async #root(strip: PathText, tree: TreeId): Promise<{ subtree: TreeId | undefined }> {
    const node = await findNode(this.#repo, tree, strip, this.#options.signal);
    if (node && (node.type !== 'dir' || !node.subtree)) {
      throw new AppError('not-found', `"${strip}" is not a folder in the snapshot.`);
    }
    const { target } = this.#draft;
    const stat = lstatSync(target, { throwIfNoEntry: false });
    if (stat && !stat.isDirectory()) {
      throw new AppError('invalid-input', `The target "${this.#options.target}" is not a folder.`);
    }
    const root: PlannedFolder = {
      target: target === '/' ? '' : Buffer.from(target).toString('latin1'),
      path: strip,
      metadata: node && metadataOf(node),
      action: stat ? 'keep' : 'create',
      chosen: this.#selection.includesAll,
      existed: stat !== undefined,
      blocked: false,
    };
    this.#folders.set(strip, root);
    this.#draft.folders.push(root);
    return { subtree: node?.subtree };
  }

  /** As the patterns see it: below the folder that is restored. */
  #namesOf(path: PathText): string[] {
    if (!this.#selection.hasPatterns) return [];
    return splitPathText(path)
      .slice(this.#depth)
      .map((name) => name.toString());
  }

  #add(node: TreeNode, path: PathText): void {
    const isFolder = node.type === 'dir';
    const folder = this.#folders.get(path.slice(0, path.lastIndexOf('/')) || '/') as PlannedFolder;
    const name = node.name.toString('latin1');
    // Also what is left out: it is in the snapshot, so it is no extra.
    if (folder.existed) this.#namesIn(folder).add(name);
    const choice = this.#selection.choose(path, this.#namesOf(path), isFolder);
    if (choice === 'no' || (choice === 'above' && !isFolder)) return;
    const target = `${folder.target}/${name}`;
    let stat: BigIntStats | undefined;
    try {
      stat = folder.existed && !folder.blocked ? lstat(target) : undefined;
    } catch (error) {
      this.#draft.problems.add({ path: targetText(target), during: 'stat', message: (error as Error).message });
    }
    if (node.genericAttributes) this.#noteForeign(node.genericAttributes, path);
    if (isFolder) this.#addFolder(node, path, folder, target, stat, choice === 'yes');
    else this.#addItem(node, folder, target, stat);
  }

  #namesIn(folder: PlannedFolder): Set<string> {
    let names = this.#names.get(folder);
    if (!names) {
      names = new Set();
      this.#names.set(folder, names);
    }
    return names;
  }

  #noteForeign(attributes: Record<string, unknown>, path: PathText): void {
    for (const name of Object.keys(attributes)) {
      const seen = this.#draft.foreign.get(name);
      if (seen) seen.count += 1;
      else this.#draft.foreign.set(name, { count: 1, example: path });
    }
  }

  #addFolder(
    node: TreeNode,
    path: PathText,
    parent: PlannedFolder,
    target: string,
    stat: BigIntStats | undefined,
    chosen: boolean,
  ): void {
    const folder: PlannedFolder = {
      parent,
      target,
      path,
      metadata: metadataOf(node),
      action: 'create',
      reason: undefined,
      chosen,
      existed: false,
      blocked: parent.blocked,
    };
    if (parent.blocked) Object.assign(folder, { action: 'unsupported', reason: 'its folder cannot be made' });
    else if (stat?.isDirectory()) {
      Object.assign(folder, { action: 'keep', existed: true });
      if (chosen && folder.metadata) folder.metadataDiffers = metadataDiffers(bytesOf(target), folder.metadata, stat);
    } else if (stat) {
      // A symlink here may have been planted to lead the restore elsewhere; one on the way to what was chosen is not ours to remove.
      const replace = chosen && this.#overwrite !== 'never' && this.#overwrite !== 'if-newer';
      if (replace) Object.assign(folder, { action: 'overwrite', reason: 'type differs' });
      else {
        const reason = stat.isSymbolicLink() ? 'a symlink is in the way' : 'a file is in the way';
        Object.assign(folder, { action: 'unsupported', reason, blocked: true });
      }
    }
    this.#folders.set(path, folder);
    this.#draft.folders.push(folder);
  }

  #addItem(node: TreeNode, folder: PlannedFolder, target: string, stat: BigIntStats | undefined): void {
    const item = itemOf(node, folder, stat !== undefined);
    this.#draft.items.push(item);
    const unsupported = folder.blocked ? 'its folder cannot be made' : this.#unsupported(node);
    if (unsupported) {
      item.action = 'unsupported';
      item.reason = unsupported;
      item.linkGroup = undefined;
      return;
    }
    if (!stat) return;
    if (item.linkGroup) this.#inodes.set(item, `${stat.dev}:${stat.ino}`);
    const options = { overwrite: this.#overwrite, delete: this.#options.delete ?? false };
    try {
      if (decide(item, stat, options) === 'decided') return;
    } catch (error) {
      // It vanished or may not be read: what happens then is told when it is written.
      this.#draft.problems.add({ path: targetText(target), during: 'stat', message: (error as Error).message });
      return;
    }
    this.#toCompare.push(item);
    if (mayKeepParts(item, stat, this.#overwrite)) this.#maySplit.add(item);
  }

  #unsupported(node: TreeNode): string | undefined {
    if (node.type === 'socket' || node.type === 'irregular') return `a ${node.type} cannot be restored`;
    if (node.type === 'fifo' && !posix) return 'a FIFO cannot be made on this platform';
    if (node.type !== 'dev' && node.type !== 'chardev') return undefined;
    return posix && process.getuid?.() === 0 ? undefined : 'only root can make a device';
  }

  /** Folders that would have led to something chosen, but nothing below them was. */
  #dropEmptyWays(): void {
    const needed = new Set<PlannedFolder>();
    const need = (from: PlannedFolder | undefined) => {
      for (let folder = from; folder && !needed.has(folder); folder = folder.parent) needed.add(folder);
    };
    const { folders, items } = this.#draft;
    need(folders[0]);
    for (const folder of folders) if (folder.chosen) need(folder);
    for (const item of items) if (!item.folder.chosen) need(item.folder);
    if (needed.size < folders.length) this.#draft.folders = folders.filter((folder) => needed.has(folder));
  }

  async #compare(): Promise<void> {
    if (this.#toCompare.length === 0) return;
    const equal = await compareItems(this.#repo, this.#pool, this.#toCompare, {
      wantsParts: (item) => this.#maySplit.has(item),
      signal: this.#options.signal,
    });
    for (const item of equal) {
      item.action = 'keep';
      item.reason = item.metadataDiffers ? 'content same' : 'same';
    }
  }

  /**
   * Picks for each hard-linked file the first name that will have its content; the others become links to it. A name that
   * stays with other content, or cannot be made, is no such name: linking to it would restore the wrong file.
   */
  #linkNames(): void {
    const leaders = new Map<string, PlannedItem>();
    for (const item of this.#draft.items) {
      const { linkGroup, action, reason } = item;
      if (linkGroup === undefined) continue;
      const same = action === 'keep' && (reason === 'same' || reason === 'content same');
      if (!same && action !== 'create' && action !== 'overwrite') continue;
      const leader = leaders.get(linkGroup);
      if (!leader) {
        leaders.set(linkGroup, item);
        continue;
      }
      const inode = this.#inodes.get(item);
      if (same && leader.action === 'keep' && inode === this.#inodes.get(leader)) continue;
      if (same) item.action = 'overwrite';
      item.linkTo = leader;
    }
  }

  #findExtra(): void {
    for (const folder of this.#draft.folders) {
      if (!folder.existed || folder.blocked || !(folder.chosen || this.#options.delete)) continue;
      const known = this.#names.get(folder);
      try {
        const names = readdirSync(folder.target === '' ? '/' : bytesOf(folder.target), { encoding: 'buffer' });
        for (const bytes of names) {
          const name = bytes.toString('latin1');
          if (known?.has(name)) continue;
          if (this.#options.delete && this.#mayDelete(folder, bytes)) this.#remove(folder, name);
          else if (folder.chosen) this.#draft.extra += 1;
        }
      } catch (error) {
        this.#draft.problems.add({
          path: targetText(folder.target),
          during: 'list',
          message: (error as Error).message,
        });
      }
    }
  }

  /** Only what would have been restored, were it in the snapshot. */
  #mayDelete(folder: PlannedFolder, name: Buffer): boolean {
    const path = joinPathText(folder.path, pathTextFromBytes(name));
    return this.#selection.choose(path, this.#namesOf(path), false) === 'yes';
  }

  #remove(folder: PlannedFolder, name: string): void {
    const stat = lstat(`${folder.target}/${name}`);
    if (stat) this.#draft.removals.push({ folder, name, type: nodeTypeFromStMode(Number(stat.mode)) });
  }
}
