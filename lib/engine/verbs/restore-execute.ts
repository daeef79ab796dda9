// Restore, second half. Order: folders (private mode), file contents pack by pack, links and special files, hard
// links, then what is to be deleted, then what chmod and utimes set: folders last and deepest first, since writing into a
// folder changes its time.
//
// A file that replaces another, and every longer one, is written beside it and renamed when whole. One of which parts are
// there already is mended in place, unless it has other names. Small new files get their name at once and their time
// last; those that cannot be completed are removed. A restore that was killed is completed by the next one: the files it
// left have neither the right length nor the right time, or a name that the next one uses again.
//
// No symlink in the target is followed, whoever plants it and whenever: places.ts.

import { closeSync, linkSync, lstatSync, mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { AppError, throwIfCancelled } from '#lib/errors.ts';
import { stModeFromNode } from '../format/mode.ts';
import { compareItems } from '../restore/compare.ts';
import { ContentWriter } from '../restore/content.ts';
import { applyMetadata, changeMode } from '../restore/metadata.ts';
import type { FileFailure } from '../restore/pack-jobs.ts';
import type { PackPool } from '../restore/pack-pool.ts';
import { openTarget, Places, reasonOf } from '../restore/places.ts';
import {
  bytesOf,
  itemPath,
  itemTarget,
  type PlannedFolder,
  type PlannedItem,
  type PlannedRemoval,
  targetText,
} from '../restore/plan-items.ts';
import { posix } from '../restore/posix.ts';
import { removeTree } from '../restore/remove-tree.ts';
import { isFileToWrite, RestoreState, toWrite } from '../restore/state.ts';
import type { RestoreResult } from '../types.ts';
import type { RestoreDraft } from './restore-planner.ts';

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;
/** Entries between two turns of the event loop, which a cancel and the progress need. */
const ENTRIES_PER_TURN = 1024;

/** The pool is the caller's to close. */
export async function executeRestore(draft: RestoreDraft, pool: PackPool): Promise<RestoreResult> {
  const state = new RestoreState(draft.repo, draft.items, draft.problems, draft.options, pool);
  const content = new ContentWriter(state);
  const target = (draft.folders[0] as PlannedFolder).target;
  makeTarget(target);
  const fd = openTarget(target);
  const places = new Places(target, fd);
  state.open({ target, fd }, places);
  try {
    return await new Execution(state, draft, content).run();
  } finally {
    // Threads that still write must be done before what they write to is closed.
    await pool.close();
    content.removeUnfinished();
    places.close();
    if (fd >= 0) closeSync(fd);
  }
}

function makeTarget(target: string): void {
  if (target === '') return;
  try {
    // As a user would make it; a private one would surprise where the snapshot has no folder to take the mode from.
    mkdirSync(bytesOf(target), { recursive: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new AppError(code === 'ENOSPC' ? 'no-space' : 'permission-denied', {
      message: `The target folder "${targetText(target)}" cannot be made: ${message}.`,
      cause,
    });
  }
}

class Execution {
  readonly #state: RestoreState;
  readonly #draft: RestoreDraft;
  readonly #folders: readonly PlannedFolder[];
  readonly #content: ContentWriter;
  #filesVerified = 0;
  #deleted = 0;

  constructor(state: RestoreState, draft: RestoreDraft, content: ContentWriter) {
    this.#state = state;
    this.#draft = draft;
    this.#folders = draft.folders;
    this.#content = content;
  }

  async run(): Promise<RestoreResult> {
    const { items, problems, options } = this.#state;
    this.#reportUnsupported();
    this.#makeFolders();
    await this.#content.write();
    await this.#makeOthers();
    await this.#delete(this.#draft.removals);
    this.#state.phase = 'metadata';
    await this.#setMetadata();
    if (options.verify) await this.#verify();
    this.#state.reportOwners();
    this.#state.progress(undefined, true);
    let filesKept = 0;
    for (const item of items) if (item.action === 'keep' && item.type === 'file') filesKept += 1;
    return {
      filesRestored: this.#state.filesDone,
      bytesRestored: this.#state.bytesDone,
      filesKept,
      filesVerified: this.#filesVerified,
      ...(options.delete && { entriesDeleted: this.#deleted }),
      problems: problems.list,
      problemCount: problems.count,
    };
  }

  #reportUnsupported(): void {
    const { problems, items } = this.#state;
    const report = (target: string, reason = '') =>
      problems.add({ path: targetText(target), during: 'unsupported', message: `Not restored: ${reason}.` });
    for (const folder of this.#folders) if (folder.action === 'unsupported') report(folder.target, folder.reason);
    for (const item of items) if (item.action === 'unsupported') report(itemTarget(item), item.reason);
    for (const [name, { count, example }] of this.#draft.foreign) {
      const others = count > 1 ? ` and of ${count - 1} more` : '';
      const message = `The attribute "${name}" of this entry${others} means nothing on this system and was left out.`;
      problems.add({ path: example, during: 'unsupported', message });
    }
  }

  #makeFolders(): void {
    const [, ...others] = this.#folders;
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
    const path = this.#placeOf(folder);
    if (!folder.existed && folder.action === 'create') {
      try {
        mkdirSync(path, { mode: PRIVATE_FOLDER });
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) {
      // An ordinary user needs to get into a read-only folder of their own; the mode is set again at the end.
      const own = process.getuid?.() !== 0 && stat.uid === process.getuid?.();
      if (own && folder.chosen && (stat.mode & PRIVATE_FOLDER) !== PRIVATE_FOLDER)
        changeMode(path, (stat.mode & 0o7777) | PRIVATE_FOLDER);
      return;
    }
    if (stat) {
      if (folder.action !== 'overwrite')
        throw new Error('something that is no folder appeared here after the plan was made');
      unlinkSync(path);
    }
    mkdirSync(path, { mode: PRIVATE_FOLDER });
  }

  /** Path for system calls on a folder other than the target. */
  #placeOf({ target, parent }: PlannedFolder): Buffer {
    const slash = target.lastIndexOf('/');
    return this.#state.places.entry(parent?.target ?? target.slice(0, slash), target.slice(slash + 1));
  }

  /** Symlinks, FIFOs, devices, then hard links, whose first names now exist. */
  async #makeOthers(): Promise<void> {
    let turn = 0;
    for (const pass of ['special', 'links'] as const) {
      for (const item of this.#state.items) {
        if (!toWrite(item) || item.folder.blocked) continue;
        if (pass === 'links' ? !item.linkTo : item.linkTo || item.type === 'file') continue;
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
    const { linkTo } = item;
    if (linkTo && this.#state.failed.has(linkTo)) {
      throw new Error(`the file it is a hard link to, ${itemPath(linkTo)}, could not be restored`);
    }
    if (linkTo && item.existed && this.#isSameFile(linkTo, item)) return;
    if (item.existed) this.#state.makeWay(item);
    const name = item.existed ? this.#state.temporaryFor(item) : item.name;
    if (item.existed) this.#removeStale(item, name);
    this.#create(item, name);
    try {
      const made = this.#state.place(item, name);
      if (!linkTo) this.#state.metadataFailed(item, applyMetadata(made, item));
      if (name !== item.name) renameSync(made, this.#state.place(item));
    } catch (error) {
      // What could not be put in place must not stay beside it.
      unlinkSync(this.#state.place(item, name));
      throw error;
    }
    this.#state.filesDone += 1;
  }

  #create(item: PlannedItem, name: string): void {
    const { type, linkTo, linkTarget, device } = item;
    if (linkTo) {
      // Both folders at once: the second one may push the first out of those that are open.
      const first = this.#state.places.hold(linkTo.folder.target);
      try {
        linkSync(first.entry(linkTo.name), this.#state.place(item, name));
      } finally {
        first.release();
      }
      return;
    }
    const made = this.#state.place(item, name);
    if (type === 'symlink') symlinkSync(linkTarget ?? Buffer.alloc(0), made);
    else if (type === 'fifo') posix?.makeFifo(made, PRIVATE_FILE);
    else posix?.makeDevice(made, stModeFromNode(type, 0) | PRIVATE_FILE, device ?? 0n);
  }

  /** What an interrupted restore left; the name is nobody else's. */
  #removeStale(item: PlannedItem, name: string): void {
    const path = this.#state.place(item, name);
    if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path);
  }

  #isSameFile(...pair: [PlannedItem, PlannedItem]): boolean {
    const [first, second] = pair.map((item) =>
      lstatSync(this.#state.place(item), { bigint: true, throwIfNoEntry: false }),
    );
    return first !== undefined && second !== undefined && first.ino === second.ino && first.dev === second.dev;
  }

  async #delete(removals: readonly PlannedRemoval[]): Promise<void> {
    for (const [i, { folder, name }] of removals.entries()) {
      if (i % ENTRIES_PER_TURN === 0) {
        await new Promise(setImmediate);
        throwIfCancelled(this.#state.options.signal);
      }
      if (folder.blocked) continue;
      try {
        removeTree(this.#state.places, folder.target, name);
        this.#deleted += 1;
      } catch (error) {
        this.#state.problems.add({
          path: targetText(`${folder.target}/${name}`),
          during: 'delete',
          message: reasonOf(error),
        });
      }
    }
  }

  async #setMetadata(): Promise<void> {
    let turn = 0;
    const pause = async () => {
      if (++turn % ENTRIES_PER_TURN !== 0) return;
      this.#state.progress();
      await new Promise(setImmediate);
      throwIfCancelled(this.#state.options.signal);
    };
    const attempt = (target: string, work: () => ReturnType<typeof applyMetadata>) => {
      try {
        this.#state.metadataFailedAt(target, work());
      } catch (error) {
        this.#state.problems.add({ path: targetText(target), during: 'metadata', message: reasonOf(error) });
      }
    };
    for (const item of this.#state.items) {
      if (item.action !== 'keep' || !item.metadataDiffers || item.linkTo) continue;
      await pause();
      attempt(itemTarget(item), () => applyMetadata(this.#state.place(item), item, { existed: true }));
    }
    const { overwrite, inPlace } = this.#state.options;
    const leave = overwrite === 'never' || overwrite === 'if-newer';
    for (const folder of this.#folders.toReversed()) {
      const root = folder === this.#folders[0];
      const { metadata, target, existed } = folder;
      if (!metadata || folder.blocked) continue;
      if (existed && (leave || (root && !inPlace) || !folder.chosen)) continue;
      await pause();
      attempt(target, () => {
        const path = root ? Buffer.from(target || '/', 'latin1') : this.#placeOf(folder);
        return applyMetadata(path, metadata, { existed });
      });
    }
  }

  async #verify(): Promise<void> {
    this.#state.phase = 'verifying';
    const { repo, pool, root, problems, failed, options } = this.#state;
    const wanted = this.#state.items.filter((item) => isFileToWrite(item) && !failed.has(item) && !item.folder.blocked);
    const bad = new Set<PlannedItem>();
    const onBatch = (batch: readonly PlannedItem[], failures: { item: PlannedItem; failure: FileFailure }[]) => {
      for (const { item, failure } of failures) {
        bad.add(item);
        problems.add({
          path: targetText(itemTarget(item)),
          during: 'verify',
          message: `Could not be read back: ${failure.message}`,
        });
      }
      this.#state.progress(() => targetText(itemTarget(batch[0] as PlannedItem)));
    };
    const equal = await compareItems(repo, pool, wanted, { root, onBatch, signal: options.signal });
    for (const item of wanted) {
      if (equal.has(item) || bad.has(item)) continue;
      const message = 'What was read back is not what the snapshot holds.';
      problems.add({ path: targetText(itemTarget(item)), during: 'verify', message });
    }
    this.#filesVerified = equal.size;
  }
}
