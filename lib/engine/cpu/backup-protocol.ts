// What the thread that runs a backup and its worker threads say to each other. Workers never return to their event
// loop: they take messages from a port between two entries and sleep on their mail counter when there is nothing to do.

import type { BlobType } from '../format/pack.ts';
import type { IndexSnapshot } from '../repository/blob-index.ts';
import type { PartialPack, SealedPack } from '../repository/pack-writer.ts';
import type { Problem, SelectionRules } from '../types.ts';

/** Words of the control memory; the mail counter of thread n is word MAIL + n. */
export const CANCEL = 0;
/** Threads that wait for work and that nobody has offered any yet. */
export const HUNGRY = 1;
export const MAIL = 2;

/** Float64 counters, one region per thread, written by that thread only. */
export const COUNTERS = [
  'filesDone',
  'bytesDone',
  'filesNew',
  'filesChanged',
  'filesUnmodified',
  'dirsNew',
  'dirsChanged',
  'dirsUnmodified',
  'othersDone',
  'dataBlobs',
  'treeBlobs',
  'dataAdded',
  'dataAddedPacked',
] as const;
export type Counter = (typeof COUNTERS)[number];

/** Bytes of a thread's region for the path in hand: a sequence word, a length word, latin1 bytes. */
export const PATH_REGION = 1024;

/**
 * Some entries of one folder. File names and paths are "latin1" everywhere in here: strings with one character per
 * byte, which sort bytewise and lose nothing.
 */
export interface RangeJob {
  kind: 'range';
  /** Who gets the result: a thread's number, or MAIN. */
  origin: number;
  token: number;
  folder: string;
  /** The folder's path below its source, for excludes; '' for the source itself. */
  relative: string;
  /** The names are sources themselves, which no pattern excludes. */
  isSource: boolean;
  source: number;
  /** Ascending. */
  names: string[];
  /** 1 for a name that readdir said is a regular file; the others are asked about. */
  regular: Uint8Array;
  /** Tree of this folder in the parent snapshot. */
  parentTree?: string;
}

/** Some blobs of a large file, whose cuts another thread has found. The result is their ids, or nothing. */
export interface PieceJob {
  kind: 'piece';
  origin: number;
  token: number;
  /** As for the file system. */
  path: string | Uint8Array;
  offset: number;
  lengths: number[];
}

export type Job = RangeJob | PieceJob;

export const MAIN = -1;

export interface BackupThreadData {
  role: 'backup';
  number: number;
  port: import('node:worker_threads').MessagePort;
  control: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  paths: SharedArrayBuffer;
  claims: SharedArrayBuffer;
  claimSeed: number;
  masterKey: Uint8Array;
  chunkerPolynomial: bigint;
  /** zstd levels, 0 for none. */
  levels: Record<BlobType, number>;
  /** Full packs this thread may have on their way to the store, 16 MiB each. */
  maxPacksAway: number;
  sources: { path: string; excludes: readonly string[] }[];
  rules: SelectionRules;
}

export interface CountThreadData {
  role: 'count';
  port: import('node:worker_threads').MessagePort;
  control: SharedArrayBuffer;
  sources: { path: string; excludes: readonly string[] }[];
  rules: SelectionRules;
}

export interface CountResult {
  files: number;
  bytes: number;
}

/** A tree of the parent snapshot as it lies in its pack. */
export interface SealedTree {
  id: string;
  sealed: Uint8Array<ArrayBuffer>;
  uncompressedLength: number | undefined;
}

export type ToThread =
  /** Comes first, once, when the repository is locked and its index loaded: the thread starts earlier. */
  | { kind: 'begin'; index: IndexSnapshot }
  | { kind: 'job'; job: Job }
  | { kind: 'range-done'; token: number; nodes: string[] }
  | { kind: 'parent-trees'; trees: SealedTree[] }
  | { kind: 'body'; memory: ArrayBuffer }
  | { kind: 'save-tree'; nodes: string[] }
  /** A stream follows, in pieces; a piece without bytes ends it. */
  | { kind: 'stream' }
  | { kind: 'stream-piece'; bytes: Uint8Array | undefined }
  | { kind: 'give-partials' }
  | { kind: 'finish'; partials: PartialPack[] }
  | { kind: 'stop' };

export type FromThread =
  | { kind: 'idle' }
  | { kind: 'offer'; job: Job }
  | { kind: 'range-done'; origin: number; token: number; nodes: string[] }
  /** The first is needed now; the others may be left out of the answer. */
  | { kind: 'need-trees'; ids: string[] }
  | { kind: 'pack'; pack: SealedPack }
  | { kind: 'problem'; problem: Problem }
  | { kind: 'tree-saved'; id: string }
  /** A piece was taken: another may be sent. */
  | { kind: 'piece-taken' }
  | { kind: 'stream-saved'; blobs: string[]; size: number }
  | { kind: 'partials'; partials: PartialPack[] }
  | { kind: 'finished' }
  | { kind: 'failed'; code: string; message: string; hint?: string };
