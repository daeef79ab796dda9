// Where a restore goes: on which worker, into which folder, and which folder of the snapshot becomes that folder.

import type { RestoreRequest } from '#lib/contracts/restores.ts';
import { AppError, assertNever } from '#lib/errors.ts';

export interface RestorePoint {
  /** Absolute paths that were backed up, on the host they came from. */
  paths: readonly string[];
  source: { name: string; worker: { id: string } } | null;
}

export interface RestoreDestination {
  workerId: string;
  /** Folder on the worker's machine. */
  targetPath: string;
  /** Path on the original host whose content lands in the target. */
  stripPath: string;
}

/**
 * original: every file goes back to the path it came from, even if the source was changed to another folder since.
 * folder: the content of the source's folder lands directly in the chosen one; with several folders in one snapshot
 * (made by other tools) their whole paths are kept below it.
 */
export function restoreDestination(target: RestoreRequest['target'], point: RestorePoint): RestoreDestination {
  const only = point.paths.length === 1 ? point.paths[0] : undefined;
  const root = only ?? '/';
  switch (target.kind) {
    case 'original':
      if (!point.source) {
        throw new AppError('invalid-input', {
          message:
            'The source of this recovery point was removed, so it is unknown on which host its original place is.',
          hint: 'Restore into a folder of a worker instead.',
        });
      }
      return { workerId: point.source.worker.id, targetPath: root, stripPath: root };
    case 'folder':
      return { workerId: target.workerId, targetPath: target.path, stripPath: root };
    default:
      return assertNever(target);
  }
}
