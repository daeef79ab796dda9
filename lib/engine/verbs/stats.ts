import { plainLength } from '../repository/blob-index.ts';
import type { Repository } from '../repository/repository.ts';
import type { RepositoryStats } from '../types.ts';

/** Sizes as the index tells them; no pack is read. A blob that lies in two packs counts once. */
export async function repositoryStats(
  repo: Repository,
  options: { signal?: AbortSignal } = {},
): Promise<RepositoryStats> {
  let snapshots = 0;
  for await (const _ of repo.listFiles('snapshot', options)) snapshots += 1;
  await repo.loadIndex(options);
  const stats = { packs: 0, blobs: 0, storedBytes: 0, uniqueBytes: 0, snapshots };
  for (const { id, blobs, size } of repo.packs()) {
    stats.packs += 1;
    stats.storedBytes += size;
    for (const blob of blobs) {
      const place = repo.lookup(blob.type, blob.id);
      if (place?.pack !== id || place.offset !== blob.offset) continue;
      stats.blobs += 1;
      stats.uniqueBytes += plainLength(blob);
    }
  }
  return stats;
}
