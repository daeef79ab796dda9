// What the engine offers to everyone outside lib/engine. Services and the command line import
// this file and the verbs; they never reach into format/, crypto/ or repository/.

/** Lower-case hex SHA-256, 64 characters. Each id has its own type so that one cannot pass for another. */
export type Id<Kind extends string> = string & { readonly __id: Kind };
export type BlobId = Id<'blob'>;
export type TreeId = Id<'tree'>;
export type PackId = Id<'pack'>;
export type IndexId = Id<'index'>;
export type SnapshotId = Id<'snapshot'>;
export type KeyId = Id<'key'>;
export type LockId = Id<'lock'>;

/**
 * A file name or path as text that loses nothing: valid UTF-8 stays as it is, except that a backslash becomes
 * `\\`, control characters become `\n`, `\t`, `\xNN`, and bytes that are not UTF-8 become `\xNN`.
 * format/path-text.ts converts both ways.
 */
export type PathText = string;

export type NodeType = 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket' | 'irregular';

/** One entry of a folder in a snapshot, as the screens and the command line show it. */
export interface Entry {
  name: PathText;
  /** Path inside the snapshot, from '/'. */
  path: PathText;
  type: NodeType;
  /** Bytes; 0 for anything but files. */
  size: number;
  /** Go FileMode bits as restic stores them; format/mode.ts prints them. */
  mode: number;
  /** RFC 3339 with nanoseconds, as stored. */
  mtime: string;
  uid: number;
  gid: number;
  user?: string;
  group?: string;
  linkTarget?: PathText;
  links?: number;
}

/** Something that did not go as asked, about one path. The work went on. */
export interface Problem {
  path: PathText;
  /** Which step: 'open', 'read', 'list', 'stat', 'unsupported', 'write', 'metadata', 'vanished'. */
  during: string;
  /** A sentence for a person. */
  message: string;
}

export interface SnapshotSummary {
  backup_start: string;
  backup_end: string;
  files_new: number;
  files_changed: number;
  files_unmodified: number;
  dirs_new: number;
  dirs_changed: number;
  dirs_unmodified: number;
  data_blobs: number;
  tree_blobs: number;
  /** Bytes of new blobs before compression. */
  data_added: number;
  /** Bytes of new blobs as stored. */
  data_added_packed: number;
  total_files_processed: number;
  total_bytes_processed: number;
}

export interface Snapshot {
  id: SnapshotId;
  /** RFC 3339. */
  time: string;
  tree: TreeId;
  parent?: SnapshotId;
  paths: string[];
  hostname?: string;
  username?: string;
  uid?: number;
  gid?: number;
  excludes?: string[];
  tags?: string[];
  original?: SnapshotId;
  program_version?: string;
  summary?: SnapshotSummary;
}

export interface BackupProgress {
  phase: 'preparing' | 'reading' | 'finishing';
  /** Totals are undefined until the counting walk, which runs beside the backup, has ended. */
  totalFiles?: number;
  totalBytes?: number;
  filesDone: number;
  bytesDone: number;
  /** Bytes of new data stored so far, after compression. */
  bytesStored: number;
  currentPath?: PathText;
  problems: number;
}

export type Compression = 'off' | 'fastest' | 'auto' | 'better' | 'max';

/** What is left out besides the excludes, with restic's meanings. */
export interface SelectionRules {
  /** gitignore patterns for which upper and lower case are the same. */
  insensitiveExcludes?: readonly string[];
  /** Of a folder with a CACHEDIR.TAG (https://bford.info/cachedir/) only the tag is kept. */
  excludeCaches?: boolean;
  /** Of a folder with such a file only that file is kept; with a header, if it begins with that. */
  excludeIfPresent?: readonly { name: string; header?: string }[];
  /** Bytes. */
  excludeLargerThan?: number;
  /** Folders on which another file system is mounted are kept, empty. */
  oneFileSystem?: boolean;
}

/** Something that is no file here and becomes one in the snapshot: the dump of a database. */
export interface StreamSource {
  /** Where it lies in the snapshot: absolute, not inside one of `paths`. Folders above that are not here are made up. */
  path: string;
  /** Read once, to its end. What it throws fails the backup: half a dump makes no snapshot. */
  content: AsyncIterable<Uint8Array>;
}

export interface BackupOptions extends SelectionRules {
  /** Absolute paths of folders or files on this machine. May be empty when there are `streams`. */
  paths: readonly string[];
  /** Stored in this order, before the paths. */
  streams?: readonly StreamSource[];
  /** gitignore patterns, relative to each path; an absolute path below one of `paths` works too. */
  excludes?: readonly string[];
  hostname: string;
  username?: string;
  tags?: readonly string[];
  /** Time of the snapshot; default now. */
  time?: Date;
  /** 'auto' (default): newest snapshot of the same host and paths. 'none': read everything again. */
  parent?: 'auto' | 'none' | SnapshotId;
  programVersion?: string;
  /** How long to wait for another program that holds the repository to itself, in milliseconds; default not at all. */
  lockWaitMs?: number;
  /** As restic's modes. Default "auto", zstd level 3. */
  compression?: Compression;
  /** Reads, cuts and compresses, but stores nothing: the result says what a backup would. */
  dryRun?: boolean;
  /** No snapshot when its tree would be the parent's. */
  skipIfUnchanged?: boolean;
  /** Called at most about five times a second. Must not throw. */
  onProgress?: (progress: BackupProgress) => void;
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

/** A backup that ends with a snapshot, or fails. */
export type StoringOptions = BackupOptions & { dryRun?: undefined; skipIfUnchanged?: undefined };
export type StoredResult = BackupResult & { snapshot: Snapshot };

export interface BackupResult {
  /** Undefined after a dry run, and when `skipIfUnchanged` found nothing to say. */
  snapshot: Snapshot | undefined;
  summary: SnapshotSummary;
  /** The first 1,000 problems; `problemCount` counts all. */
  problems: Problem[];
  problemCount: number;
  /** Sources that are folders without anything in them (or with nothing left after the excludes). */
  emptyPaths: string[];
}

export type RestoreOverwrite = 'always' | 'if-changed' | 'if-newer' | 'never';

/** As restic's restore takes them. */
export interface RestorePatterns {
  include?: readonly string[];
  exclude?: readonly string[];
  includeAnyCase?: readonly string[];
  excludeAnyCase?: readonly string[];
}

export interface RestoreOptions {
  snapshot: SnapshotId;
  /** Paths inside the snapshot (PathText) to restore; empty or absent means everything. */
  include?: readonly PathText[];
  /** Folder on this machine. With `strip` the named snapshot folder's content lands directly in it. */
  target: string;
  /** Folder of the snapshot that becomes the target itself; default '/' (restic's `snap:subfolder`). */
  strip?: PathText;
  overwrite?: RestoreOverwrite;
  /**
   * The target is the place that was backed up: a target folder that exists gets the mode, owner, attributes and times of
   * the snapshot's folder. Otherwise it stays as it is: restoring into /tmp must not make it private.
   */
  inPlace?: boolean;
  /** What of the snapshot is restored, by patterns: restore/selection.ts. With `include`, what either chooses. */
  patterns?: RestorePatterns;
  /**
   * Removes what the restored folders have and the snapshot has not. Folders that only lead to what was chosen, and what
   * the patterns leave out, are not touched.
   */
  delete?: boolean;
  /** Leave out pages of zeros, so that they take no room. Holes of half a MiB and more always come back as such. */
  sparse?: boolean;
  /** Read back and compare what was written. */
  verify?: boolean;
  /** The plan will be carried out at once: the threads are started while it is made. Then execute() or discard() must be called. */
  executeNext?: boolean;
  onProgress?: (progress: RestoreProgress) => void;
  onProblem?: (problem: Problem) => void;
  signal?: AbortSignal;
}

export type RestoreAction = 'create' | 'overwrite' | 'keep' | 'unsupported';

export interface RestoreChange {
  /** Where on this machine. */
  target: PathText;
  path: PathText;
  type: NodeType;
  action: RestoreAction;
  /** Bytes that will be written; fewer where parts of the file are there already. */
  size: number;
  /** Why, in a word or three: 'same', 'content differs', 'newer here', 'type differs'. */
  reason?: string;
}

export interface RestorePlanSummary {
  create: { count: number; bytes: number };
  overwrite: { count: number; bytes: number };
  keep: { count: number; bytes: number };
  /** Entries in the target folders that the snapshot does not have and that stay. */
  extra: { count: number };
  /** Such entries that go, each with everything below it. Only with `delete`. */
  delete?: { count: number };
  unsupported: { count: number };
  /** Free bytes of the file system of the target, when known. */
  freeBytes?: number;
}

export interface RestoreProgress {
  phase: 'planning' | 'restoring' | 'metadata' | 'verifying';
  totalFiles: number;
  totalBytes: number;
  filesDone: number;
  bytesDone: number;
  currentPath?: PathText;
  problems: number;
}

export interface RestoreResult {
  filesRestored: number;
  bytesRestored: number;
  filesKept: number;
  filesVerified: number;
  /** Only with `delete`; a folder counts once. */
  entriesDeleted?: number;
  problems: Problem[];
  problemCount: number;
}

export interface CheckProgress {
  phase: 'index' | 'packs' | 'snapshots' | 'data';
  done: number;
  total: number;
  bytesDone: number;
  bytesTotal: number;
}

export interface CheckFinding {
  /** 'error': data is lost or at risk. 'hint': harmless, named so that a person can tidy up. */
  severity: 'error' | 'hint';
  /** Stable word for programs: 'missing-pack', 'wrong-size', 'damaged-blob', 'missing-blob', 'unreferenced-pack', ... */
  kind: string;
  message: string;
  pack?: string;
  snapshot?: SnapshotId;
  path?: PathText;
}

export interface CheckResult {
  ok: boolean;
  packs: number;
  blobs: number;
  snapshots: number;
  /** Those that cannot be read, or do not restore completely; all others do, as far as was read. */
  damagedSnapshots: SnapshotId[];
  bytesRead: number;
  findings: CheckFinding[];
}

export interface RepositoryStats {
  packs: number;
  blobs: number;
  /** Bytes of all packs as indexed. */
  storedBytes: number;
  /** Bytes of all unique blobs before compression. */
  uniqueBytes: number;
  snapshots: number;
}

export type DiffChange = 'added' | 'removed' | 'modified' | 'metadata' | 'type';

export interface DiffEntry {
  path: PathText;
  change: DiffChange;
  type: NodeType;
  sizeBefore?: number;
  sizeAfter?: number;
  /** The content changed and nothing else, not even the time: the disk may have done it. */
  bitrot?: boolean;
}
