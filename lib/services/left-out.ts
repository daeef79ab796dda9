// What an archive of a recovery point lacks, told inside the archive itself: whoever unpacks it may have no console any more.

import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import type { Problem } from '#lib/engine/types.ts';
import type { ClosingText } from '#lib/engine/verbs/dump-archive.ts';
import { logger } from '#lib/logger.ts';

/** As many as a person reads; a damaged repository could lack millions. */
const MOST_NAMED = 1_000;

/**
 * Collects what is left out, and words it. Every entry that can be left out is: half of what there is, with a list of the rest, is
 * what a person wants from a damaged vault. What is found damaged in the middle of a file breaks the stream instead.
 */
export class LeftOut {
  readonly #point: RecoveryPointView;
  readonly #lines: string[] = [];
  #count = 0;

  constructor(point: RecoveryPointView) {
    this.#point = point;
  }

  add({ path, message }: Problem): void {
    this.#count++;
    if (this.#lines.length >= MOST_NAMED) return;
    // A message may carry what a stranger named his files: one entry is one line, whatever it says.
    this.#lines.push(`${path}: ${message}`.replace(/\p{Cc}+/gu, ' '));
    logger('downloads').warn({ path, recoveryPointId: this.#point.id }, message);
  }

  /** Undefined when the archive is whole. */
  note(): ClosingText | undefined {
    if (this.#count === 0) return undefined;
    const { snapshotId, time, source, vault } = this.#point;
    const of = source === null ? `of the vault "${vault.name}"` : `of "${source.name}"`;
    const entries = this.#count === 1 ? 'ONE ENTRY IS' : `${this.#count.toLocaleString('en')} ENTRIES ARE`;
    const more = this.#count - this.#lines.length;
    const text = [
      `THIS ARCHIVE IS NOT COMPLETE: ${entries} MISSING.`,
      '',
      `It was taken from the recovery point ${of} made at ${time} (snapshot ${snapshotId.slice(0, 8)}).`,
      'Everything else that was asked for is in it. Left out, and why (a folder stands for all below it):',
      '',
      ...this.#lines,
      ...(more > 0 ? [`and ${more.toLocaleString('en')} more`] : []),
      '',
      'What to do: a name that an archive cannot hold safely, a socket or a device comes back only with a restore, if at all.',
      `Where something "cannot be read" or is damaged, check the vault "${vault.name}" with all its data, and look for the entry`,
      'in another recovery point.',
      '',
    ];
    // With the snapshot in its name it is not written over a file that was backed up.
    return { name: `HOLDFAST-LEFT-OUT-${snapshotId.slice(0, 8)}.txt`, text: text.join('\n'), time };
  }
}
