// The index without the packs that go. Files that name none of them stay as they are, unless there are many small ones:
// every backup leaves one, and reading them all is what opening a repository waits for.

import { decodeIndexFile } from '../format/index-file.ts';
import { INDEX_BLOBS } from '../repository/ordered-writer.ts';
import { inParallel, type Repository } from '../repository/repository.ts';
import type { IndexId, PackId } from '../types.ts';
import type { Usage } from './prune-usage.ts';
import { IndexFileWriter, type WriteAccess } from './repair-index-files.ts';

const SMALL_INDEX_BLOBS = INDEX_BLOBS / 10;
const MANY_SMALL = 10;

/**
 * Writes new index files for what stays of the old ones that have to go, and returns these. They may be deleted when this
 * resolves: everything in them is durable elsewhere.
 */
export async function writeIndexWithout(
  repo: Repository,
  files: readonly IndexId[],
  going: ReadonlySet<PackId>,
  { index, entries }: Usage,
  access: WriteAccess,
): Promise<IndexId[]> {
  const counts = new Uint32Array(repo.index.packCount);
  for (let entry = 0; entry < entries; entry++) {
    const pack = index.packOf(entry);
    counts[pack] = (counts[pack] as number) + 1;
  }
  const obsolete = new Set<IndexId>();
  const small: { file: IndexId; packs: PackId[] }[] = [];
  const carry = new Set<PackId>();
  await inParallel(files, repo.store.connections, async (file) => {
    access.signal.throwIfAborted();
    const packs = decodeIndexFile(file, await repo.loadUnpacked('index', file, { signal: access.signal }));
    const staying = packs.map(({ id }) => id).filter((id) => !going.has(id));
    // A pack whose blobs are spread over several files is put together: restic refuses such an index since 0.19.
    const isSplit = packs.some(({ id, blobs }) => blobs.length !== counts[repo.index.packNumber(id) ?? -1]);
    if (staying.length < packs.length || isSplit || packs.length === 0) {
      obsolete.add(file);
      for (const id of staying) carry.add(id);
    } else if (packs.reduce((sum, { blobs }) => sum + blobs.length, 0) < SMALL_INDEX_BLOBS) {
      small.push({ file, packs: staying });
    }
  });
  if (small.length >= MANY_SMALL) {
    for (const { file, packs } of small) {
      obsolete.add(file);
      for (const id of packs) carry.add(id);
    }
  }
  const writer = new IndexFileWriter(repo, access);
  if (carry.size > 0) {
    for (const { id, blobs } of repo.index.packs()) if (carry.has(id)) await writer.add({ id, blobs });
    await writer.flush();
  }
  return [...obsolete];
}
