// Walks folders and stores what is in them, in one thread, with its own stack instead of recursion. Work is given away
// when another thread is hungry: half of what is left of the outermost folder, as a range of its entries. A folder whose
// entries are all done becomes a tree blob; one that waits for another thread's range is parked meanwhile.

import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { RangeJob } from '../cpu/backup-protocol.ts';
import { type ExtendedAttribute, encodeNode, type NodeExtras, nodeFromStat, type TreeNode } from '../format/node.ts';
import { pathTextFromBytes } from '../format/path-text.ts';
import { parseTime } from '../format/time.ts';
import { iterateTree } from '../format/tree.ts';
import type { BlobId, Problem, TreeId } from '../types.ts';
import type { AttributeReader } from './attributes.ts';
import type { Excludes } from './excludes.ts';
import { type FileReader, NotAFile } from './file-blobs.ts';
import { treeFromNodeTexts } from './tree-text.ts';

/** A job larger than this is one message of megabytes; the rest can be given away later. */
const MAX_RANGE = 8192;

interface Frame {
  folder: string;
  relative: string;
  isSource: boolean;
  source: number;
  names: string[];
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

export interface WalkerHost {
  reader: FileReader;
  /** Undefined where they cannot be read, which the host reports once. */
  attributes: AttributeReader | undefined;
  excludes: readonly Excludes[];
  saveTree(tree: Buffer): string;
  /** True when every one of these data blobs is in the repository. */
  hasBlobs(ids: readonly string[]): boolean;
  /** A tree of the parent snapshot; undefined when it cannot be read, which was reported. */
  parentTree(id: string): Buffer | undefined;
  done(job: RangeJob, nodes: string[]): void;
  /** Asked once per entry: true when some other thread waits and this one may give it a job with give(). */
  wanted(): boolean;
  give(job: Omit<RangeJob, 'origin' | 'token'>): number;
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
  readonly #given = new Map<number, { frame: Frame; from: number }>();

  constructor(host: WalkerHost) {
    this.#host = host;
  }

  get busy(): boolean {
    return this.#stack.length > 0;
  }

  start(job: RangeJob): void {
    const { folder, relative, isSource, source, names } = job;
    this.#push({ folder, relative, isSource, source, names, parent: this.#parentNodes(folder, job.parentTree), job });
  }

  /** A range that was given away is done. */
  rangeDone(token: number, nodes: readonly string[]): void {
    const given = this.#given.get(token);
    if (!given) return;
    this.#given.delete(token);
    nodes.forEach((node, i) => {
      given.frame.nodes[given.from + i] = node;
    });
    given.frame.pending -= 1;
    this.#complete(given.frame);
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

  #push(from: Pick<Frame, 'folder' | 'relative' | 'isSource' | 'source' | 'names' | 'parent'> & Partial<Frame>): void {
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
  #parentNodes(folder: string, tree: string | undefined): Map<string, TreeNode> | undefined {
    if (!tree) return undefined;
    const blob = this.#host.parentTree(tree);
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
        folder,
        relative,
        isSource,
        source,
        names: frame.names.slice(from, frame.end),
        parentTree: this.#treeOf(frame),
      });
      frame.end = from;
      frame.pending += 1;
      this.#given.set(token, { frame, from });
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
    let stat: BigIntStats;
    try {
      stat = lstatSync(diskPath, { bigint: true });
    } catch (error) {
      this.#failed(path, 'stat', error);
      return;
    }
    const isFolder = stat.isDirectory();
    const relative = this.#relative(frame, name);
    const excludes = this.#host.excludes[frame.source] as Excludes;
    if (!frame.isSource && !excludes.none && excludes.excludes(relative, isFolder)) return;
    const before = frame.parent?.get(name);
    const bytes = Buffer.from(name, 'latin1');
    if (stat.isFile()) frame.nodes[slot] = this.#file(path, diskPath, bytes, stat, before);
    else if (isFolder) this.#folder(frame, slot, { path, diskPath, relative, stat, before });
    else frame.nodes[slot] = this.#other(path, diskPath, bytes, stat);
  }

  #relative(frame: Frame, name: string): string {
    if (frame.isSource) return '';
    if ((this.#host.excludes[frame.source] as Excludes).none) return '';
    const text = ASCII.test(name) ? name : Buffer.from(name, 'latin1').toString('utf8');
    return frame.relative === '' ? text : `${frame.relative}/${text}`;
  }

  #folder(
    frame: Frame,
    slot: number,
    at: { path: string; diskPath: string | Buffer; relative: string; stat: BigIntStats; before: TreeNode | undefined },
  ): void {
    let names: string[];
    try {
      names = readdirSync(at.diskPath, { encoding: 'latin1' });
    } catch (error) {
      this.#failed(at.path, 'list', error);
      return;
    }
    names.sort();
    this.#host.at(at.path);
    frame.pending += 1;
    this.#push({
      folder: at.path,
      relative: at.relative,
      isSource: false,
      source: frame.source,
      names,
      parent: at.before?.type === 'dir' ? this.#parentNodes(at.path, at.before.subtree) : undefined,
      above: {
        frame,
        slot,
        stat: at.stat,
        extras: { extendedAttributes: this.#attributes(at.path, at.diskPath) },
        before: at.before,
      },
    });
  }

  #file(
    path: string,
    diskPath: string | Buffer,
    name: Buffer,
    stat: BigIntStats,
    before: TreeNode | undefined,
  ): string {
    if (before?.type === 'file' && isUnchanged(before, stat)) {
      const content = before.content ?? [];
      if (this.#host.hasBlobs(content)) {
        this.#host.fileDone(Number(stat.size));
        this.#host.count('unmodified', 'file');
        const extendedAttributes = this.#attributes(path, diskPath);
        return encodeNode({ ...nodeFromStat(name, stat, { extendedAttributes }), content });
      }
      this.#report(path, 'parent', 'Parts of this file were missing in the repository; it was read and stored again.');
    }
    this.#host.at(path);
    try {
      const read = this.#host.reader.read(diskPath);
      const extendedAttributes = this.#attributes(path, diskPath);
      const node = {
        ...nodeFromStat(name, read.stat, { extendedAttributes }),
        size: read.size,
        content: read.blobs as BlobId[],
      };
      this.#host.fileDone(0);
      this.#host.count(before?.type === 'file' ? 'changed' : 'new', 'file');
      return encodeNode(node);
    } catch (error) {
      if (error instanceof NotAFile) this.#report(path, 'open', 'It was replaced by something else while being read.');
      else if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      else this.#failed(path, (error as NodeJS.ErrnoException).syscall === 'open' ? 'open' : 'read', error);
      return '';
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
  #attributes(path: string, diskPath: string | Buffer): readonly ExtendedAttribute[] | undefined {
    try {
      return this.#host.attributes?.read(diskPath);
    } catch (error) {
      this.#report(path, 'metadata', `It is stored without its extended attributes: ${(error as Error).message}.`);
      return undefined;
    }
  }

  #failed(path: string, during: string, error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    switch (code) {
      case 'ENOENT':
      case 'ESTALE':
        this.#report(path, 'vanished', 'It was there when its folder was listed and gone when it was to be read.');
        break;
      case 'EACCES':
      case 'EPERM':
        this.#report(path, during, 'Permission denied.');
        break;
      case 'ELOOP':
        this.#report(path, during, 'It was replaced by a symbolic link while being read.');
        break;
      default:
        this.#report(path, during, `The system said: ${message.replace(/, \w+( '.*')?$/s, '')}.`);
    }
  }
}

/** restic's rule: same size, mtime, ctime and inode. */
function isUnchanged(before: TreeNode, stat: BigIntStats): boolean {
  return (
    BigInt(before.size ?? 0) === stat.size &&
    (before.inode ?? 0n) === stat.ino &&
    isTime(before.mtime, stat.mtimeNs) &&
    isTime(before.ctime, stat.ctimeNs)
  );
}

function isTime(text: string, ns: bigint): boolean {
  try {
    return parseTime(text) === ns;
  } catch {
    // What is no time is not that of this file, which is then read again.
    return false;
  }
}
