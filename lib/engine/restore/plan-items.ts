// What a restore plan is made of, shared by the planner and the executor.

import { hash } from 'node:crypto';
import type { TreeNode } from '../format/node.ts';
import { joinPathText, pathTextFromBytes } from '../format/path-text.ts';
import type { BlobId, NodeType, PathText, Problem, RestoreAction } from '../types.ts';
import { type EntryMetadata, metadataOf } from './metadata.ts';

/** A folder of the snapshot and the place it goes to. Items hold their folder instead of a path of their own. */
export interface PlannedFolder {
  parent?: PlannedFolder;
  /** The bytes of its place on this machine, as latin1 text. */
  target: string;
  path: PathText;
  /** Undefined for the target itself when nothing of the snapshot stands for it. */
  metadata?: EntryMetadata;
  action: RestoreAction;
  reason?: string;
  /** False for folders that only lead to what was chosen: they are made when missing and left alone otherwise. */
  chosen: boolean;
  existed: boolean;
  /** What lies at its place is no folder and will not be replaced: nothing below can be restored. */
  blocked: boolean;
  /** Its mode, owner, time or attributes are not those of the snapshot. */
  metadataDiffers?: boolean;
}

/**
 * One entry, with as little as a restore needs: a plan holds one for each of perhaps millions of files, and a whole tree
 * node takes four times as much.
 */
export interface PlannedItem extends EntryMetadata {
  folder: PlannedFolder;
  /** The bytes of its name, as latin1 text. */
  name: string;
  size: number;
  content: readonly BlobId[];
  action: RestoreAction;
  reason?: string;
  /** Something is at its place. */
  existed: boolean;
  /** An entry that stays, but whose owner, mode, time or attributes differ. */
  metadataDiffers?: boolean;
  /** Names of one file share it. */
  linkGroup?: string;
  /** Another name of the same file, which is there or will be by then; this one becomes a hard link to it. */
  linkTo?: PlannedItem;
  linkTarget?: Buffer;
  device?: bigint;
  /** Which parts of the file that is there need not be written. */
  present?: PresentParts;
}

/** Parts of an existing file that are as in the snapshot, and the file they were seen in. */
export interface PresentParts {
  /** One byte a blob: 1 where the file has it. */
  blobs: Uint8Array;
  file: FileIdentity;
}

/** Enough to tell that a file was neither replaced nor written to. */
export interface FileIdentity {
  dev: bigint;
  ino: bigint;
  size: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

/** Something in a restored folder that the snapshot does not have and that is to go. */
export interface PlannedRemoval {
  folder: PlannedFolder;
  name: string;
  type: NodeType;
}

const NO_CONTENT: readonly BlobId[] = [];

export function itemOf(node: TreeNode, folder: PlannedFolder, existed: boolean): PlannedItem {
  const { type, mode, uid, gid, atimeSec, atimeNsec, mtimeSec, mtimeNsec, attributes } = metadataOf(node);
  // All fields at once and none by spreading: V8 then gives an object just the room it needs.
  return {
    type,
    mode,
    uid,
    gid,
    atimeSec,
    atimeNsec,
    mtimeSec,
    mtimeNsec,
    attributes,
    folder,
    name: node.name.toString('latin1'),
    size: node.size ?? 0,
    content: node.content && node.content.length > 0 ? node.content : NO_CONTENT,
    action: 'create',
    reason: undefined,
    existed,
    metadataDiffers: undefined,
    linkGroup: linkGroupOf(node),
    linkTo: undefined,
    linkTarget: node.linkTarget,
    device: node.device,
    present: undefined,
  };
}

/**
 * What the names of one file share; undefined for a file with one name. The content is part of it: a file system gives
 * the inode of a removed file to the next one, so that within one backup an inode can stand for two files.
 */
export function linkGroupOf({ type, links = 1, deviceId, inode, content = [] }: TreeNode): string | undefined {
  if (type !== 'file' || links <= 1 || !inode) return undefined;
  return `${deviceId}:${inode}:${hash('sha256', content.join(), 'hex')}`;
}

export function itemTarget(item: PlannedItem): string {
  return `${item.folder.target}/${item.name}`;
}

export function itemPath(item: PlannedItem): PathText {
  return joinPathText(item.folder.path, pathTextFromBytes(Buffer.from(item.name, 'latin1')));
}

export function bytesOf(target: string): Buffer {
  return Buffer.from(target, 'latin1');
}

export function targetText(target: string): PathText {
  return pathTextFromBytes(bytesOf(target));
}

const KEPT_PROBLEMS = 1000;

/** Passes problems on, keeps the first thousand, counts all. */
export class ProblemLog {
  readonly list: Problem[] = [];
  count = 0;
  readonly #onProblem: ((problem: Problem) => void) | undefined;

  constructor(onProblem: ((problem: Problem) => void) | undefined) {
    this.#onProblem = onProblem;
  }

  add(problem: Problem): void {
    this.count += 1;
    if (this.list.length < KEPT_PROBLEMS) this.list.push(problem);
    this.#onProblem?.(problem);
  }
}

const PROGRESS_INTERVAL_MS = 200;

/** Calls back at most five times a second, and always when forced. */
export function throttled<T>(callback: ((value: T) => void) | undefined): (value: () => T, force?: boolean) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (value, force = false) => {
    if (!callback) return;
    const now = performance.now();
    if (!force && now - last < PROGRESS_INTERVAL_MS) return;
    last = now;
    callback(value());
  };
}
