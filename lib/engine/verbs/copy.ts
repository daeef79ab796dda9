// Copying snapshots into another repository. Contents are opened and verified on the way and sealed under the other key;
// blobs and trees keep their ids, so the copy has the same trees, and what the target already has is not copied.
//
// Snapshots are written in batches, after everything they need is durable and indexed. One that cannot be copied, because
// something of it is damaged, is reported and the others go on: a good copy of most is worth more than none.

import { isAppError } from '#lib/errors.ts';
import { parseTime } from '../format/time.ts';
import { BlobSaver } from '../repository/blob-saver.ts';
import type { HeldLock } from '../repository/lock.ts';
import type { Repository } from '../repository/repository.ts';
import { throttled } from '../restore/plan-items.ts';
import type { BackupOptions, Snapshot, SnapshotId } from '../types.ts';
import { BlobCopier, type CopyCounts, newSeen } from './copy-blobs.ts';
import { underSharedLock } from './ls-lock.ts';
import { stopIfAborted } from './repair-index-files.ts';
import { listSnapshots, type SnapshotFilter } from './snapshots.ts';

export interface CopyProgress extends CopyCounts {
  snapshotsDone: number;
  snapshotsTotal: number;
}

export interface CopyOptions {
  /** Default: all that fit the filter. */
  snapshots?: readonly SnapshotId[];
  filter?: SnapshotFilter;
  /** Of blobs the source holds uncompressed; others keep their compression. */
  compression?: BackupOptions['compression'];
  /** Read the source without a lock: for one that cannot be written to. Nobody must prune it meanwhile. */
  noSourceLock?: boolean;
  /** How long to wait for others who hold one of the repositories to themselves. */
  lockWaitMs?: number;
  onProgress?: (progress: CopyProgress) => void;
  signal?: AbortSignal;
}

export interface CopyResult {
  copied: { source: Snapshot; copy: Snapshot }[];
  /** Already in the target, as `copy`. */
  skipped: { source: Snapshot; copy: Snapshot }[];
  failed: { source: Snapshot | undefined; message: string }[];
  blobs: number;
  /** Bytes added to the target. */
  storedBytes: number;
  /** False when both cut files differently: copies then share nothing with backups made in the target. */
  sameChunker: boolean;
}

/** A batch of snapshots is finished when this much was stored for it: small ones then share packs. */
const BATCH_BYTES = 64 << 20;

export async function copySnapshots(from: Repository, to: Repository, options: CopyOptions = {}): Promise<CopyResult> {
  return await underSharedLock(from, { noLock: options.noSourceLock, signal: options.signal }, async (held) => {
    const lock = await to.lock('shared', { signal: held, waitMs: options.lockWaitMs });
    try {
      const signal = held ? AbortSignal.any([held, lock.signal]) : lock.signal;
      return await new Copy(from, to, options, lock, signal).run();
    } finally {
      await lock.release();
    }
  });
}

class Copy {
  readonly #from: Repository;
  readonly #to: Repository;
  readonly #options: CopyOptions;
  readonly #lock: HeldLock;
  readonly #signal: AbortSignal;
  readonly #report: (value: () => CopyProgress, force?: boolean) => void;
  readonly #result: CopyResult;
  #total = 0;
  readonly #counts: CopyCounts = { trees: 0, blobsFound: 0, blobsDone: 0, bytesFound: 0, bytesDone: 0 };
  #seen = newSeen();

  constructor(from: Repository, to: Repository, options: CopyOptions, lock: HeldLock, signal: AbortSignal) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#lock = lock;
    this.#signal = signal;
    this.#report = throttled(options.onProgress);
    const sameChunker = from.chunkerPolynomial === to.chunkerPolynomial;
    this.#result = { copied: [], skipped: [], failed: [], blobs: 0, storedBytes: 0, sameChunker };
  }

  async run(): Promise<CopyResult> {
    const signal = this.#signal;
    // Before the indexes: whatever a listed snapshot needs is then in them.
    const wanted = await this.#wanted();
    const there = copiesByOrigin(await listSnapshots(this.#to, { signal, onProblem: () => undefined }));
    await this.#from.loadIndex({ signal });
    await this.#to.loadIndex({ signal });
    const toCopy: Snapshot[] = [];
    for (const source of wanted) {
      const copy = there.get(source.original ?? source.id)?.find((other) => isCopyOf(other, source));
      if (copy) this.#result.skipped.push({ source, copy });
      else toCopy.push(source);
    }
    this.#total = toCopy.length;
    let left = toCopy;
    while (left.length > 0) {
      stopIfAborted(signal);
      left = left.slice(await this.#batch(left));
    }
    return this.#result;
  }

  async #wanted(): Promise<Snapshot[]> {
    const { snapshots, filter } = this.#options;
    const found = await listSnapshots(this.#from, {
      ...filter,
      signal: this.#signal,
      onProblem: ({ message }) => this.#result.failed.push({ source: undefined, message }),
    });
    return snapshots ? found.filter(({ id }) => snapshots.includes(id)) : found;
  }

  /** Copies the first ones of these; returns how many are dealt with. */
  async #batch(snapshots: readonly Snapshot[]): Promise<number> {
    const done = await this.#tryBatch(snapshots);
    if (typeof done === 'number') return done;
    // Which of the batch is damaged is not known: a blob is verified long after it was asked for. One by one, then.
    for (const source of snapshots.slice(0, done.attempted)) {
      const alone = done.attempted === 1 ? done : await this.#tryBatch([source]);
      if (typeof alone !== 'number') this.#result.failed.push({ source, message: alone.message });
    }
    return done.attempted;
  }

  async #tryBatch(snapshots: readonly Snapshot[]): Promise<number | { attempted: number; message: string }> {
    const { compression } = this.#options;
    const saver = new BlobSaver(this.#to, this.#lock, { work: 'copy', signal: this.#signal, compression });
    const copier = new BlobCopier(this.#from, this.#to, saver, {
      seen: this.#seen,
      counts: this.#counts,
      signal: this.#signal,
      onProgress: () => this.#progress(),
    });
    let attempted = 0;
    try {
      for (const source of snapshots) {
        attempted += 1;
        await copier.copy(source.tree);
        this.#progress();
        if (saver.totals.storedBytes >= BATCH_BYTES) break;
      }
      const proof = await saver.finish();
      for (const source of snapshots.slice(0, attempted)) {
        const { id, parent: _parent, ...rest } = source;
        // The parent may not be in the target, and nothing needs it there.
        const copy = await saver.writer.writeSnapshot(proof, { ...rest, original: source.original ?? id });
        this.#result.copied.push({ source, copy });
      }
      this.#progress(true);
      return attempted;
    } catch (error) {
      await saver.close();
      // Nothing of this batch counts as copied, but what was stored is indexed, so that nobody has to store it again. When
      // that fails as well, the first failure is the one to tell.
      await saver.writer.flush().catch(() => undefined);
      this.#seen = newSeen();
      if (!isAppError(error, 'repository-damaged')) throw error;
      return { attempted, message: error.message };
    } finally {
      await saver.close();
      this.#result.blobs += saver.totals.blobs;
      this.#result.storedBytes += saver.totals.storedBytes;
    }
  }

  #progress(force = false): void {
    const snapshotsDone = this.#result.copied.length + this.#result.failed.length;
    this.#report(() => ({ snapshotsDone, snapshotsTotal: this.#total, ...this.#counts }), force);
  }
}

/** By the id that stays with a snapshot through copies, and by its own. */
function copiesByOrigin(snapshots: readonly Snapshot[]): Map<SnapshotId, Snapshot[]> {
  const byOrigin = new Map<SnapshotId, Snapshot[]>();
  for (const snapshot of snapshots) {
    for (const id of new Set([snapshot.id, snapshot.original ?? snapshot.id])) {
      const others = byOrigin.get(id);
      if (others) others.push(snapshot);
      else byOrigin.set(id, [snapshot]);
    }
  }
  return byOrigin;
}

/** restic's rule: all that describes the snapshot is equal, whoever its parent and its original are. */
function isCopyOf(a: Snapshot, b: Snapshot): boolean {
  const sameSet = (one: readonly string[] = [], other: readonly string[] = []) =>
    one.length === other.length && one.every((item) => other.includes(item));
  return (
    a.tree === b.tree &&
    parseTime(a.time) === parseTime(b.time) &&
    (a.hostname ?? '') === (b.hostname ?? '') &&
    (a.username ?? '') === (b.username ?? '') &&
    (a.uid ?? 0) === (b.uid ?? 0) &&
    (a.gid ?? 0) === (b.gid ?? 0) &&
    sameSet(a.paths, b.paths) &&
    sameSet(a.tags, b.tags) &&
    (a.excludes ?? []).join('\n') === (b.excludes ?? []).join('\n')
  );
}
