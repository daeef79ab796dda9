import type { RestoreRequest } from '#lib/contracts/restores.ts';
import { pathTextFromBytes } from '#lib/engine/format/path-text.ts';
import type { RestoreOptions, SnapshotId } from '#lib/engine/types.ts';
import { AppError } from '#lib/errors.ts';
import { placeRestore } from '#lib/services/restores.ts';
import { hostPath } from '#lib/sources/directory/host-path.ts';

export interface PlacedRestore {
  vaultId: string;
  options: Pick<RestoreOptions, 'snapshot' | 'target' | 'strip' | 'include' | 'overwrite' | 'inPlace' | 'verify'>;
}

/** The engine's words for a person's request. Looked up anew by planning and by restoring: rows may change in between. */
export async function restoreOptions(request: RestoreRequest, workerId: string): Promise<PlacedRestore> {
  const { destination, point } = await placeRestore(request);
  if (destination.workerId !== workerId) {
    throw new AppError('conflict', {
      message: 'The source was moved to another worker since this restore was asked for.',
      hint: 'Make a new plan.',
    });
  }
  const inOriginalPlace = request.target.kind === 'original';
  return {
    vaultId: point.vaultId,
    options: {
      snapshot: point.snapshotId as SnapshotId,
      // A snapshot's own path is stored as it is; a chosen one may come from the folder picker, which escapes odd names.
      target: inOriginalPlace ? destination.targetPath : hostPath(destination.targetPath),
      strip: pathTextFromBytes(Buffer.from(destination.stripPath)),
      include: request.include,
      overwrite: request.overwrite,
      inPlace: inOriginalPlace,
      verify: request.verify,
    },
  };
}
