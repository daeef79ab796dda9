// Walks folders and stores what is in them, in one thread, with its own stack instead of recursion. Work is given away
// when another thread is hungry: half of what is left of the outermost folder, as a range of its entries. A folder whose
// entries are all done becomes a tree blob; one that waits for another thread's range is parked meanwhile.

import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import type { PieceJob, RangeJob } from '../cpu/backup-protocol.ts';
import { type ExtendedAttribute, encodeNode, type NodeExtras, nodeFromStat, type TreeNode } from '../format/node.ts';
import { pathTextFromBytes } from '../format/path-text.ts';
import { iterateTree } from '../format/tree.ts';
import type { BlobId, Problem, TreeId } from '../types.ts';
import type { AttributeReader } from './attributes.ts';
import { type FileReader, type Helpers, NotAFile } from './file-blobs.ts';
import { type FolderListing, listFolder } from './list-folder.ts';
import { problemOf } from './problem-of.ts';
import type { Selection } from './selection.ts';
import { treeFromNodeTexts } from './tree-text.ts';
import { hasSameTimes, isSameFile } from './unchanged.ts';

/** A job larger than this is one message of megabytes; the rest can be given away later. */
const MAX_RANGE = 8192;
/** Trees of the parent snapshot that are asked for with one that is needed. */
const TREES_AHEAD = 31;

interface Frame {
  folder: string;
  relative: string;
  isSource: boolean;
  source: number;
  names: string[];
  regular: Uint8Array;
  /** JSON per entry; '' as long as there is none, and for entries left out. */
  nodes: string[];
  next: number;
  /** Entries from here on were given away. */
  end: number;
  /** Subfolders and given-away ranges that are not done. */
  pending: number;
  /** On the stack. */
  open: boolean;
  parent: Map<string, TreeNode> | undefined;
  /** Where the result goes: to the folder above, or to who sent the job. */
  above:
    | { frame: Frame; slot: number; stat: BigIntStats; extras: NodeExtras; before: TreeNode | undefined }
    | undefined;
  job: RangeJob | undefined;
}

interface FileEntry {
  frame: Frame;
  slot: number;
  path: string;
  diskPath: string | Buffer;
  name: Buffer;
  /** In the parent snapshot. */
  before: TreeNode | undefined;
}

export interface WalkerHost {
  reader: FileReader;
  /** Undefined where they cannot be read, which the host reports once. */
  attributes: AttributeReader | undefined;
  /** One per source. */
  selections: readonly Selection[];
  saveTree(tree: Buffer): string;
  /** True when every one of these data blobs is in the repository. */
  hasBlobs(ids: readonly string[]): boolean;
  /** A tree of the parent snapshot; undefined when it cannot be read, which was reported. `next` are asked for soon after. */
  parentTree(id: string, next: () => string[]): Buffer | undefined;
  done(job: RangeJob, nodes: string[]): void;
  /** Asked once per entry: true when some other thread waits and this one may give it a job with give(). */
  wanted(): boolean;
  give(job: Omit<RangeJob, 'origin' | 'token'> | Omit<PieceJob, 'origin' | 'token'>): number;
  problem(problem: Problem): void;
  count(what: 'new' | 'changed' | 'unmodified', of: 'file' | 'dir'): void;
  fileDone(bytesSkipped: number): void;
  otherDone(): void;
  at(path: string): void;
}

const ASCII = /^[\0-\x7f]*$/;

/** A latin1 path for the file system: its bytes, as a string where that is the same. */
function onDisk(path: string): string | Buffer {
  return ASCII.test(path) ? path : Buffer.from(path, 'latin1');
}

function join(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

export class Walker {
  readonly #host: WalkerHost;
  readonly #stack: Frame[] = [];
  /** What is to be done with the result of a job that was given away. */
  readonly #given = new Map<number, (result: readonly string[]) => void>();

  constructor(host: WalkerHost) {
    this.#host = host;
  }

  get busy(): boolean {
    return this.#stack.length > 0;
  }

  start(job: RangeJob): void {
    const { folder, relative, isSource, source, names, regular } = job;
    const parent = this.#parentNodes(folder, job.parentTree, () => []);
    this.#push({ folder, relative, isSource, source, names, regular, parent, job });
  }

  /** A job that was given away is done. */
  jobDone(token: number, result: readonly string[]): void {
    const done = this.#given.get(token);
    this.#given.delete(token);
    done?.(result);
  }

  /** One entry of the innermost folder. Call while `busy`. */
  step(): void {
    const frame = this.#stack.at(-1) as Frame;
    if (frame.next >= frame.end) {
      this.#stack.pop();
      frame.open = false;
      this.#complete(frame);
      return;
    }
    const slot = frame.next;
    frame.next += 1;
    this.#entry(frame, slot);
    if (this.#host.wanted()) this.#giveAway();
  }

  #push(
    from: Pick<Frame, 'folder' | 'relative' | 'isSource' | 'source' | 'names' | 'regular' | 'parent'> & Partial<Frame>,
  ): void {
    this.#stack.push({
      above: undefined,
      job: undefined,
      ...from,
      nodes: new Array<string>(from.names.length).fill(''),
      next: 0,
      end: from.names.length,
      pending: 0,
      open: true,
    });
  }

  /** Turns a folder into its tree once nothing of it is open, and then perhaps the folder above, and so on. */
  #complete(start: Frame): void {
    for (let frame: Frame | undefined = start; frame && frame.pending === 0 && frame.next >= frame.end; ) {
      // Still on the stack: step() comes to it.
      if (frame.open) return;
      if (frame.job) {
        this.#host.done(frame.job, frame.nodes);
        return;
      }
      const { above } = frame as { above: NonNullable<Frame['above']> };
      const subtree = this.#host.saveTree(treeFromNodeTexts(frame.nodes)) as TreeId;
      const name = Buffer.from(above.frame.names[above.slot] as string, 'latin1');
      above.frame.nodes[above.slot] = encodeNode({ ...nodeFromStat(name, above.stat, above.extras), subtree });
      const before = above.before?.type === 'dir' ? above.before : undefined;
      this.#host.count(before ? (before.subtree === subtree ? 'unmodified' : 'changed') : 'new', 'dir');
      above.frame.pending -= 1;
      frame = above.frame;
    }
  }

  /** A tree that is damaged costs time, not the backup: without it the folder is read as if it were new. */
  #parentNodes(folder: string, tree: string | undefined, next: () => string[]): Map<string, TreeNode> | undefined {
    if (!tree) return undefined;
    const blob = this.#host.parentTree(tree, next);
    if (!blob) return undefined;
    const nodes = new Map<string, TreeNode>();
    try {
      for (const node of iterateTree(blob)) nodes.set(node.name.toString('latin1'), node);
    } catch (error) {
      const message = `The previous snapshot is damaged here, everything is read again: ${(error as Error).message}`;
      this.#report(folder, 'parent', message);
      return undefined;
    }
    return nodes;
  }

  #giveAway(): void {
    for (const frame of this.#stack) {
      const left = frame.end - frame.next;
      const isTop = frame === this.#stack.at(-1);
      if (left < (isTop ? 2 : 1)) continue;
      const count = Math.min(isTop ? left >> 1 : (left + 1) >> 1, MAX_RANGE);
      const from = frame.end - count;
      const { folder, relative, isSource, source } = frame;
      const token = this.#host.give({
        kind: 'range',
        folder,
        relative,
        isSource,
        source,
        names: frame.names.slice(from, frame.end),
        regular: frame.regular.slice(from, frame.end),
        parentTree: this.#treeOf(frame),
      });
      frame.end = from;
      frame.pending += 1;
      this.#given.set(token, (nodes) => {
        nodes.forEach((node, i) => {
          frame.nodes[from + i] = node;
        });
        frame.pending -= 1;
        this.#complete(frame);
      });
      return;
    }
  }

  #treeOf(frame: Frame): string | undefined {
    if (!frame.parent) return undefined;
    return frame.job ? frame.job.parentTree : frame.above?.before?.subtree;
  }

  #report(path: string, during: string, message: string): void {
    this.#host.problem({ path: pathTextFromBytes(Buffer.from(path, 'latin1')), during, message });
  }

  #entry(frame: Frame, slot: number): void {
    const name = frame.names[slot] as string;
    const path = join(frame.folder, name);
    const diskPath = onDisk(path);
    const before = frame.parent?.get(name);
    const selection = this.#host.selections[frame.source] as Selection;
    if (frame.regular[slot] === 1 && before === undefined && !selection.needsStat) {
      // Nothing to compare with: it is opened at once, and asked then what it is.
      if (selection.excludedByPattern(this.#relative(frame, name), false)) return;
      this.#read({ frame, slot, path, diskPath, name: Buffer.from(name, 'latin1'), before: undefined }, true);
      return;
    }
    let stat: BigIntStats;
    try {
      stat = lstatSync(diskPath, { bigint: true });
    } catch (error) {
      this.#failed(path, 'stat', error);
      return;
    }
    const isFolder = stat.isDirectory();
    const relative = this.#relative(frame, name);
    if (!frame.isSource) {
      if (selection.excludedByPattern(relative, isFolder)) return;
      if (selection.excludedByStat({ isFolder, isFile: stat.isFile(), dev: stat.dev, size: stat.size })) return;
    }
    const bytes = Buffer.from(name, 'latin1');
    if (stat.isFile()) this.#file({ frame, slot, path, diskPath, name: bytes, before }, stat);
    else if (isFolder) this.#folder(frame, slot, { path, diskPath, relative, stat, before });
    else frame.nodes[slot] = this.#other(path, diskPath, bytes, stat);
  }

  #relative(frame: Frame, name: string): string {
    if (frame.isSource) return '';
    if ((this.#host.selections[frame.source] as Selection).noPatterns) return '';
    const text = ASCII.test(name) ? name : Buffer.from(name, 'latin1').toString('utf8');
    return frame.relative === '' ? text : `${frame.relative}/${text}`;
  }

  #folder(
    frame: Frame,
    slot: number,
    at: { path: string; diskPath: string | Buffer; relative: string; stat: BigIntStats; before: TreeNode | undefined },
  ): void {
    let listed: FolderListing;
    try {
      listed = listFolder(at.diskPath);
      const selection = this.#host.selections[frame.source] as Selection;
      const kept = selection.kept(at.diskPath, at.stat.dev, listed.names);
      // What is left of a folder is asked about by lstat, as a source is.
      if (kept.length < listed.names.length) listed = { names: [...kept], regular: new Uint8Array(kept.length) };
    } catch (error) {
      this.#failed(at.path, 'list', error);
      return;
    }
    this.#host.at(at.path);
    frame.pending += 1;
    this.#push({
      folder: at.path,
      relative: at.relative,
      isSource: false,
      source: frame.source,
      ...listed,
      parent:
        at.before?.type === 'dir'
          ? this.#parentNodes(at.path, at.before.subtree, () => nextSubtrees(frame, slot))
          : undefined,
      above: {
        frame,
        slot,
        stat: at.stat,
        extras: { extendedAttributes: this.#attributes(at.path, at.diskPath) },
        before: at.before,
      },
    });
  }

  #file(file: FileEntry, stat: BigIntStats): void {
    const { frame, slot, path, diskPath, name, before } = file;
    if (before?.type === 'file' && isSameFile(before, stat)) {
      const content = before.content ?? [];
      const node = nodeFromStat(name, stat);
      if (hasSameTimes(before, node, stat)) {
        if (this.#host.hasBlobs(content)) {
          this.#host.fileDone(Number(stat.size));
          this.#host.count('unmodified', 'file');
          node.content = content;
          node.extendedAttributes = this.#attributes(path, diskPath);
          frame.nodes[slot] = encodeNode(node);
          return;
        }
        const message = 'Parts of this file were missing in the repository; it was read and stored again.';
        this.#report(path, 'parent', message);
      }
    }
    this.#read(file, true);
  }

  /** Reads a file and stores it. `shared`: other threads may store pieces of it, and its node comes when they have. */
  #read(file: FileEntry, shared: boolean): void {
    const { frame, slot, path, diskPath, name, before } = file;
    this.#host.at(path);
    let extendedAttributes: readonly ExtendedAttribute[] | undefined;
    const away = { pieces: 0, failed: false, done: () => {} };
    const give: Helpers['give'] = (piece, blobs, from) => {
      away.pieces += 1;
      this.#given.set(this.#host.give({ kind: 'piece', path: diskPath, ...piece }), (ids) => {
        if (ids.length !== piece.lengths.length) away.failed = true;
        else blobs.splice(from, ids.length, ...ids);
        away.pieces -= 1;
        if (away.pieces === 0) away.done();
      });
    };
    try {
      const open = (descriptor: number) => {
        extendedAttributes = this.#attributes(path, descriptor);
      };
      const helpers = shared ? { wanted: this.#host.wanted, give } : undefined;
      const read = this.#host.reader.read(diskPath, open, helpers);
      const store = () => {
        const node = nodeFromStat(name, read.stat, { extendedAttributes });
        frame.nodes[slot] = encodeNode({ ...node, size: read.size, content: read.blobs as BlobId[] });
        this.#host.fileDone(0);
        this.#host.count(before?.type === 'file' ? 'changed' : 'new', 'file');
      };
      if (away.pieces === 0) {
        store();
        return;
      }
      frame.pending += 1;
      away.done = () => {
        // It changed under the other thread's hands: what it is now is read in one go.
        if (away.failed) this.#read(file, false);
        else store();
        frame.pending -= 1;
        this.#complete(frame);
      };
    } catch (error) {
      if (error instanceof NotAFile) this.#report(path, 'open', 'It was replaced by something else while being read.');
      else if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      else this.#failed(path, (error as NodeJS.ErrnoException).syscall === 'open' ? 'open' : 'read', error);
    }
  }

  #other(path: string, diskPath: string | Buffer, name: Buffer, stat: BigIntStats): string {
    if (stat.isSocket()) {
      this.#report(path, 'unsupported', 'Sockets are not backed up: they have no content.');
      return '';
    }
    let linkTarget: Buffer | undefined;
    if (stat.isSymbolicLink()) {
      try {
        linkTarget = readlinkSync(diskPath, { encoding: 'buffer' });
      } catch (error) {
        this.#failed(path, 'read', error);
        return '';
      }
    }
    const node = nodeFromStat(name, stat, { linkTarget, extendedAttributes: this.#attributes(path, diskPath) });
    if (node.type === 'irregular') {
      this.#report(path, 'unsupported', 'Its type is unknown; it is not backed up.');
      return '';
    }
    this.#host.otherDone();
    return encodeNode(node);
  }

  /** An entry whose attributes cannot be read is stored without them. */
  #attributes(path: string, at: string | Buffer | number): readonly ExtendedAttribute[] | undefined {
    try {
      return this.#host.attributes?.read(at);
    } catch (error) {
      this.#report(path, 'metadata', `It is stored without its extended attributes: ${(error as Error).message}.`);
      return undefined;
    }
  }

  #failed(path: string, during: string, error: unknown): void {
    const said = problemOf(error as NodeJS.ErrnoException);
    this.#report(path, said.vanished ? 'vanished' : during, said.message);
  }
}

/** Trees of the folders that come after `slot`, as the parent snapshot knows them. */
function nextSubtrees(frame: Frame, slot: number): string[] {
  const found: string[] = [];
  for (let at = slot + 1; at < frame.end && found.length < TREES_AHEAD; at++) {
    const subtree = frame.parent?.get(frame.names[at] as string)?.subtree;
    if (subtree !== undefined) found.push(subtree);
  }
  return found;
}
