// Decides for every entry of a snapshot what a restore would do with it, by looking at what the target has. Reads only.

import type { BigIntStats } from 'node:fs';
import { lstatSync, readdirSync, readlinkSync, realpathSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError, isAppError } from '#lib/errors.ts';
import { chmodBits, nodeTypeFromStMode } from '../format/mode.ts';
import type { TreeNode } from '../format/node.ts';
import { parseTime } from '../format/time.ts';
import type { Repository } from '../repository/repository.ts';
import { compareItems } from '../restore/compare.ts';
import type { PackPool } from '../restore/pack-pool.ts';
import {
  bytesOf,
  linkGroupOf,
  type PlannedFolder,
  type PlannedItem,
  ProblemLog,
  targetText,
  throttled,
} from '../restore/plan-items.ts';
import { posix } from '../restore/posix.ts';
import type { PathText, RestoreOptions, RestoreOverwrite, RestoreProgress, TreeId } from '../types.ts';
import { findNode, walkTree } from './ls-walk.ts';
import { loadSnapshot } from './snapshots.ts';

/** Entries looked at between two turns of the event loop: about 5 ms. */
const ENTRIES_PER_TURN = 500;

export interface RestoreDraft {
  repo: Repository;
  options: RestoreOptions;
  target: string;
  folders: PlannedFolder[];
  items: PlannedItem[];
  problems: ProblemLog;
  extra: number;
  freeBytes?: number;
}

/** The target with every symlink on the way to it resolved: only what is below it is not trusted. */
function resolveTarget(target: string): { path: string; exists: boolean } {
  const path = resolve(target);
  try {
    return { path: realpathSync(path), exists: true };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      const parent = dirname(path);
      const base = parent === path ? path : resolveTarget(parent).path;
      return {
        path: parent === path ? path : `${base === '/' ? '' : base}${path.slice(parent === '/' ? 0 : parent.length)}`,
        exists: false,
      };
    }
    throw new AppError(code === 'EACCES' ? 'permission-denied' : 'invalid-input', {
      message: `The target folder "${target}" cannot be used: ${(error as Error).message}.`,
      cause: error,
    });
  }
}

function lstat(target: string): BigIntStats | undefined {
  return lstatSync(bytesOf(target), { bigint: true, throwIfNoEntry: false });
}

export class RestorePlanner {
  readonly #repo: Repository;
  readonly #options: RestoreOptions;
  readonly #pool: PackPool;
  readonly #overwrite: RestoreOverwrite;
  readonly #include: Set<PathText>;
  /** Paths above included ones. */
  readonly #above = new Set<PathText>();
  readonly #found = new Set<PathText>();
  readonly #draft: RestoreDraft;
  readonly #folders = new Map<PathText, PlannedFolder>();
  readonly #present = new Map<PlannedFolder, number>();
  readonly #inodes = new Map<PlannedItem, string>();
  readonly #toCompare: PlannedItem[] = [];

  constructor(repo: Repository, options: RestoreOptions, pool: PackPool) {
    this.#repo = repo;
    this.#options = options;
    this.#pool = pool;
    this.#overwrite = options.overwrite ?? 'always';
    this.#include = new Set((options.include ?? []).map(cleanPath).filter((path) => path !== '/'));
    for (const path of this.#include) {
      for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
        this.#above.add(path.slice(0, at));
    }
    const { path } = resolveTarget(options.target);
    const problems = new ProblemLog(options.onProblem);
    this.#draft = { repo, options, target: path, folders: [], items: [], problems, extra: 0 };
  }

  async plan(): Promise<RestoreDraft> {
    const { snapshot, signal, onProgress } = this.#options;
    const { tree } = await loadSnapshot(this.#repo, snapshot, signal);
    await this.#repo.loadIndex({ signal });
    const strip = cleanPath(this.#options.strip ?? '/');
    const root = await this.#root(strip, tree);
    const report = throttled(onProgress);
    let totalBytes = 0;
    const progress = (currentPath?: PathText): RestoreProgress => {
      const { items, problems } = this.#draft;
      const counts = { filesDone: 0, bytesDone: 0, problems: problems.count };
      return { phase: 'planning', totalFiles: items.length, totalBytes, currentPath, ...counts };
    };
    let turn = 0;
    const walk = walkTree(this.#repo, root.node?.subtree ?? tree, {
      path: strip,
      enter: ({ path }) => this.#choice(path) !== 'no',
      onProblem: (problem) => this.#draft.problems.add(problem),
      signal,
    });
    for await (const { node, path } of walk) {
      this.#add(node, path);
      totalBytes += node.size ?? 0;
      report(() => progress(path));
      if (++turn % ENTRIES_PER_TURN === 0) await new Promise(setImmediate);
    }
    for (const path of this.#include) {
      if (!this.#found.has(path))
        throw new AppError('not-found', `"${path}" is not in the snapshot${strip === '/' ? '' : ` below ${strip}`}.`);
    }
    await this.#compare();
    this.#linkNames();
    this.#countExtra();
    this.#draft.freeBytes = freeBytes(this.#draft.target);
    report(progress, true);
    return this.#draft;
  }

  async #root(strip: PathText, tree: TreeId): Promise<PlannedFolder> {
    const node = await findNode(this.#repo, tree, strip, this.#options.signal);
    if (node && (node.type !== 'dir' || !node.subtree)) {
      throw new AppError('not-found', `"${strip}" is not a folder in the snapshot.`);
    }
    const stat = lstat(this.#draft.target);
    if (stat && !stat.isDirectory()) {
      throw new AppError('invalid-input', `The target "${this.#options.target}" is not a folder.`);
    }
    const root: PlannedFolder = {
      target: this.#draft.target === '/' ? '' : Buffer.from(this.#draft.target).toString('latin1'),
      path: strip,
      node,
      action: stat ? 'keep' : 'create',
      chosen: this.#include.size === 0,
      existed: stat !== undefined,
      blocked: false,
    };
    this.#folders.set(strip, root);
    this.#draft.folders.push(root);
    return root;
  }

  #choice(path: PathText): 'yes' | 'above' | 'no' {
    if (this.#include.size === 0) return 'yes';
    for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) {
      const part = path.slice(0, at);
      if (!this.#include.has(part)) continue;
      this.#found.add(part);
      return 'yes';
    }
    return this.#above.has(path) ? 'above' : 'no';
  }

  #add(node: TreeNode, path: PathText): void {
    const choice = this.#choice(path);
    if (choice === 'no' || (choice === 'above' && node.type !== 'dir')) return;
    const folder = this.#folders.get(path.slice(0, path.lastIndexOf('/')) || '/') as PlannedFolder;
    const target = `${folder.target}/${node.name.toString('latin1')}`;
    let stat: BigIntStats | undefined;
    try {
      stat = folder.existed && !folder.blocked ? lstat(target) : undefined;
    } catch (error) {
      this.#draft.problems.add({ path: targetText(target), during: 'stat', message: (error as Error).message });
    }
    if (stat) this.#present.set(folder, (this.#present.get(folder) ?? 0) + 1);
    if (node.type === 'dir') this.#addFolder(node, path, folder, target, stat, choice === 'yes');
    else this.#addItem(node, folder, target, stat);
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
      node,
      action: 'create',
      chosen,
      existed: false,
      blocked: parent.blocked,
    };
    if (parent.blocked) Object.assign(folder, { action: 'unsupported', reason: 'its folder cannot be made' });
    else if (stat?.isDirectory()) Object.assign(folder, { action: 'keep', existed: true });
    else if (stat) {
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
    const item: PlannedItem = { node, folder, action: 'create', existed: stat !== undefined };
    this.#draft.items.push(item);
    if (folder.blocked) {
      item.action = 'unsupported';
      item.reason = 'its folder cannot be made';
      return;
    }
    const unsupported = this.#unsupported(node);
    if (unsupported) {
      item.action = 'unsupported';
      item.reason = unsupported;
      return;
    }
    item.linkGroup = linkGroupOf(node);
    if (stat) this.#decide(item, target, stat);
  }

  #unsupported(node: TreeNode): string | undefined {
    if (node.type === 'socket' || node.type === 'irregular') return `a ${node.type} cannot be restored`;
    if (node.type === 'fifo' && !posix) return 'a FIFO cannot be made on this platform';
    if (node.type !== 'dev' && node.type !== 'chardev') return undefined;
    return posix && process.getuid?.() === 0 ? undefined : 'only root can make a device';
  }

  /** What to do where something is there already. */
  #decide(item: PlannedItem, target: string, stat: BigIntStats): undefined {
    const { node } = item;
    this.#inodes.set(item, `${stat.dev}:${stat.ino}`);
    const keep = (reason: string, metadata = false): undefined => {
      item.action = 'keep';
      item.reason = reason;
      item.metadataDiffers = metadata && differs(node, stat);
    };
    if (this.#overwrite === 'never') return keep('exists here');
    const mtime = timeOf(node.mtime);
    if (this.#overwrite === 'if-newer' && mtime <= stat.mtimeNs)
      return keep(mtime === stat.mtimeNs ? 'same age' : 'newer here');
    item.action = 'overwrite';
    const type = nodeTypeFromStMode(Number(stat.mode));
    if (type !== node.type) {
      item.reason = 'type differs';
      if (type === 'dir' && !isEmptyFolder(target)) {
        item.action = 'unsupported';
        item.reason = 'a folder with content is in the way';
      }
      return;
    }
    if (node.type === 'symlink') {
      if (readlinkSync(bytesOf(target), { encoding: 'buffer' }).equals(node.linkTarget ?? Buffer.alloc(0))) {
        return keep('same', true);
      }
      item.reason = 'link target differs';
    } else if (node.type === 'file') {
      item.reason = 'content differs';
      if (stat.size !== BigInt(node.size ?? 0)) return;
      if (this.#overwrite === 'if-changed' && stat.mtimeNs === mtime) return keep('same', true);
      item.metadataDiffers = differs(node, stat);
      this.#toCompare.push(item);
    } else if (node.type === 'fifo' || node.device === stat.rdev) keep('same', true);
  }

  async #compare(): Promise<void> {
    const equal = await compareItems(this.#repo, this.#pool, this.#toCompare, () => {}, this.#options.signal);
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

  #countExtra(): void {
    for (const folder of this.#draft.folders) {
      if (!folder.existed || folder.blocked || !folder.chosen) continue;
      try {
        const names = readdirSync(folder.target === '' ? '/' : bytesOf(folder.target), { encoding: 'buffer' });
        this.#draft.extra += names.length - (this.#present.get(folder) ?? 0);
      } catch (error) {
        this.#draft.problems.add({
          path: targetText(folder.target),
          during: 'list',
          message: (error as Error).message,
        });
      }
    }
  }
}

function cleanPath(path: PathText): PathText {
  return `/${path
    .split('/')
    .filter((part) => part !== '')
    .join('/')}`;
}

function isEmptyFolder(target: string): boolean {
  try {
    return readdirSync(bytesOf(target)).length === 0;
  } catch {
    // A folder that cannot be read is not ours to remove.
    return false;
  }
}

function timeOf(text: string): bigint {
  try {
    return parseTime(text);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return 0n;
  }
}

function differs(node: TreeNode, stat: BigIntStats): boolean {
  if (node.type !== 'symlink' && chmodBits(node.mode) !== (Number(stat.mode) & 0o7777)) return true;
  return stat.mtimeNs !== timeOf(node.mtime) || Number(stat.uid) !== node.uid || Number(stat.gid) !== node.gid;
}

function freeBytes(target: string): number | undefined {
  for (let folder = target; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch {
      // Not there yet: the next folder up tells.
      if (folder === dirname(folder)) return undefined;
    }
  }
}
