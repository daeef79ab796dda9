// Restore, second half. Order: folders (private mode), file contents pack by pack, links and special files, hard
// links, then what chmod and utimes set: folders last and deepest first, since writing into a folder changes its time.
//
// A file that replaces another is written beside it and renamed over it when whole. A new file gets its name at once, but
// its time last; one that cannot be completed is removed.
//
// A symlink in the place of an entry is not followed. Those in the place of a folder are looked for by the plan and when
// the folders are made, not again with every entry below: a local user who owns a folder in the target can swap it for a
// symlink while the restore runs and so lead what comes after elsewhere. openat2 from the target on would close that.

import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { AppError, throwIfCancelled } from '#lib/errors.ts';
import { stModeFromNode } from '../format/mode.ts';
import type { Repository } from '../repository/repository.ts';
import { compareItems } from '../restore/compare.ts';
import { ContentWriter } from '../restore/content.ts';
import { applyMetadata, metadataOf } from '../restore/metadata.ts';
import { PackPool } from '../restore/pack-pool.ts';
import {
  bytesOf,
  itemPath,
  itemTarget,
  type PlannedFolder,
  type PlannedItem,
  type ProblemLog,
  targetText,
} from '../restore/plan-items.ts';
import { posix } from '../restore/posix.ts';
import { isFileToWrite, RestoreState, toWrite } from '../restore/state.ts';
import type { RestoreOptions, RestoreResult } from '../types.ts';

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
/** Entries between two turns of the event loop, which a cancel and the progress need. */
const ENTRIES_PER_TURN = 1024;

export async function executeRestore(
  repo: Repository,
  folders: readonly PlannedFolder[],
  items: readonly PlannedItem[],
  problems: ProblemLog,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const pool = new PackPool(repo.masterKey);
  const state = new RestoreState(repo, items, problems, options, pool);
  const content = new ContentWriter(state);
  try {
    return await new Execution(state, folders, content).run();
  } finally {
    await pool.close();
    content.removeUnfinished();
  }
}

class Execution {
  readonly #state: RestoreState;
  readonly #folders: readonly PlannedFolder[];
  readonly #content: ContentWriter;
  #filesVerified = 0;

  constructor(state: RestoreState, folders: readonly PlannedFolder[], content: ContentWriter) {
    this.#state = state;
    this.#folders = folders;
    this.#content = content;
  }

  async run(): Promise<RestoreResult> {
    for (const entry of [...this.#folders, ...this.#state.items]) {
      if (entry.action !== 'unsupported') continue;
      const path = 'target' in entry ? targetText(entry.target) : targetText(itemTarget(entry));
      this.#state.problems.add({ path, during: 'unsupported', message: `Not restored: ${entry.reason}.` });
    }
    this.#makeFolders();
    await this.#content.write();
    await this.#makeOthers();
    this.#state.phase = 'metadata';
    await this.#setMetadata();
    if (this.#state.options.verify) await this.#verify();
    this.#state.reportOwners();
    this.#state.progress(undefined, true);
    const kept = this.#state.items.filter((item) => item.action === 'keep' && item.node.type === 'file').length;
    return {
      filesRestored: this.#state.filesDone,
      bytesRestored: this.#state.bytesDone,
      filesKept: kept,
      filesVerified: this.#filesVerified,
      problems: this.#state.problems.list,
      problemCount: this.#state.problems.count,
    };
  }

  #makeFolders(): void {
    const [root, ...others] = this.#folders as [PlannedFolder, ...PlannedFolder[]];
    if (root.target !== '') {
      try {
        // As a user would make it; a private one would surprise where the snapshot has no folder to take the mode from.
        mkdirSync(bytesOf(root.target), { recursive: true });
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        throw new AppError(code === 'ENOSPC' ? 'no-space' : 'permission-denied', {
          message: `The target folder "${targetText(root.target)}" cannot be made: ${message}.`,
          cause,
        });
      }
    }
    for (const folder of others) {
      if (folder.parent?.blocked) folder.blocked = true;
      if (folder.blocked) continue;
      try {
        this.#makeFolder(folder);
      } catch (error) {
        folder.blocked = true;
        this.#state.fail(targetText(folder.target), 'write', error);
      }
    }
  }

  #makeFolder(folder: PlannedFolder): void {
    const path = bytesOf(folder.target);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      // An ordinary user needs to get into a read-only folder of their own; the mode is set again at the end.
      const own = process.getuid?.() !== 0 && stat.uid === process.getuid?.();
      if (own && folder.chosen && (stat.mode & PRIVATE_FOLDER) !== PRIVATE_FOLDER)
        chmodSync(path, stat.mode | PRIVATE_FOLDER);
      return;
    }
    if (stat) {
      if (folder.action !== 'overwrite')
        throw new Error('something that is no folder appeared here after the plan was made');
      unlinkSync(path);
    }
    mkdirSync(path, { mode: PRIVATE_FOLDER });
  }

  /** Symlinks, FIFOs, devices, then hard links, whose first names now exist. */
  async #makeOthers(): Promise<void> {
    let turn = 0;
    for (const pass of ['special', 'links'] as const) {
      for (const item of this.#state.items) {
        if (!toWrite(item) || item.folder.blocked) continue;
        if (pass === 'links' ? !item.linkTo : item.linkTo || item.node.type === 'file') continue;
        if (++turn % ENTRIES_PER_TURN === 0) {
          await new Promise(setImmediate);
          throwIfCancelled(this.#state.options.signal);
        }
        try {
          this.#makeOther(item);
        } catch (error) {
          this.#state.failed.add(item);
          this.#state.fail(targetText(itemTarget(item)), 'write', error);
        }
      }
    }
  }

  #makeOther(item: PlannedItem): void {
    const { node, linkTo } = item;
    if (linkTo && this.#state.failed.has(linkTo)) {
      throw new Error(`the file it is a hard link to, ${itemPath(linkTo)}, could not be restored`);
    }
    const target = bytesOf(itemTarget(item));
    const first = linkTo && bytesOf(itemTarget(linkTo));
    if (first && item.existed && sameFile(first, target)) return;
    if (item.existed) this.#state.makeWay(item);
    const made = item.existed ? bytesOf(this.#state.temporaryFor(item)) : target;
    if (first) linkSync(first, made);
    else if (node.type === 'symlink') symlinkSync(node.linkTarget ?? Buffer.alloc(0), made);
    else if (node.type === 'fifo') posix?.makeFifo(made, PRIVATE_FILE);
    else posix?.makeDevice(made, stModeFromNode(node.type, 0) | PRIVATE_FILE, node.device ?? 0n);
    try {
      if (!first) this.#state.metadataFailed(item, applyMetadata(made, metadataOf(node)));
      if (made !== target) renameSync(made, target);
    } catch (error) {
      // What could not be put in place must not stay beside it.
      unlinkSync(made);
      throw error;
    }
    this.#state.filesDone += 1;
  }

  async #setMetadata(): Promise<void> {
    let turn = 0;
    const pause = async () => {
      if (++turn % ENTRIES_PER_TURN !== 0) return;
      this.#state.progress();
      await new Promise(setImmediate);
      throwIfCancelled(this.#state.options.signal);
    };
    for (const item of this.#state.items) {
      if (item.action !== 'keep' || !item.metadataDiffers || item.linkTo) continue;
      await pause();
      this.#state.metadataFailed(item, applyMetadata(bytesOf(itemTarget(item)), metadataOf(item.node)));
    }
    const { overwrite, inPlace } = this.#state.options;
    const leave = overwrite === 'never' || overwrite === 'if-newer';
    for (const folder of this.#folders.toReversed()) {
      const foreign = folder === this.#folders[0] && !inPlace;
      if (!folder.node || folder.blocked || (folder.existed && (leave || foreign || !folder.chosen))) continue;
      await pause();
      const failures = applyMetadata(
        folder.target === '' ? Buffer.from('/') : bytesOf(folder.target),
        metadataOf(folder.node),
      );
      this.#state.metadataFailedAt(folder.target, failures);
    }
  }

  async #verify(): Promise<void> {
    this.#state.phase = 'verifying';
    const wanted = this.#state.items.filter(
      (item) => isFileToWrite(item) && !this.#state.failed.has(item) && !item.folder.blocked,
    );
    const bad = new Set<PlannedItem>();
    const onBatch = (
      batch: readonly PlannedItem[],
      failures: { item: PlannedItem; failure: { message: string } }[],
    ) => {
      for (const { item, failure } of failures) {
        bad.add(item);
        this.#state.problems.add({
          path: targetText(itemTarget(item)),
          during: 'verify',
          message: `Could not be read back: ${failure.message}`,
        });
      }
      this.#state.progress(targetText(itemTarget(batch[0] as PlannedItem)));
    };
    const equal = await compareItems(this.#state.repo, this.#state.pool, wanted, onBatch, this.#state.options.signal);
    for (const item of wanted) {
      if (equal.has(item) || bad.has(item)) continue;
      const message = 'What was read back is not what the snapshot holds.';
      this.#state.problems.add({ path: targetText(itemTarget(item)), during: 'verify', message });
    }
    this.#filesVerified = equal.size;
  }
}

function sameFile(a: Buffer, b: Buffer): boolean {
  const [first, second] = [a, b].map((path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
}
