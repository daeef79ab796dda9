import { AppError } from '#lib/errors.ts';
import { Envelope } from '../crypto/envelope.ts';
import { decodeHeader, headerRange, LENGTH_BYTES, type PackEntry } from '../format/pack.ts';
import { fileName } from '../repository/files.ts';
import { IdTable } from '../repository/id-table.ts';
import type { Repository } from '../repository/repository.ts';
import type { PackId } from '../types.ts';

/**
 * Blobs of packs given by the first digits of their ids: as the index knows them, and from the pack's own header where it does
 * not. Throws 'not-found' for one that fits no pack at all.
 */
export async function findPackBlobs(
  repo: Repository,
  prefixes: readonly string[],
  signal?: AbortSignal,
): Promise<{ data: IdTable; trees: IdTable }> {
  await repo.loadIndex({ signal });
  const found = { data: new IdTable(), trees: new IdTable() };
  const open = new Set(prefixes);
  const take = (id: string, blobs: readonly PackEntry[]) => {
    for (const blob of blobs) (blob.type === 'tree' ? found.trees : found.data).add(blob.id);
    for (const prefix of open) if (id.startsWith(prefix)) open.delete(prefix);
  };
  const fits = (id: string) => prefixes.some((prefix) => id.startsWith(prefix));
  for (const { id, blobs } of repo.packs()) if (fits(id)) take(id, blobs);
  if (open.size === 0) return found;
  for await (const { id, size } of repo.listFiles('pack', { signal })) {
    if ([...open].some((prefix) => id.startsWith(prefix))) take(id, await headerOf(repo, id, size, signal));
  }
  const [missing] = open;
  if (missing !== undefined) throw new AppError('not-found', `No pack has an id that starts with "${missing}".`);
  return found;
}

async function headerOf(repo: Repository, id: PackId, size: number, signal?: AbortSignal): Promise<PackEntry[]> {
  const name = fileName('pack', id);
  if (size < LENGTH_BYTES) throw new AppError('repository-damaged', `The pack ${id} has only ${size} bytes.`);
  const tail = { offset: size - LENGTH_BYTES, length: LENGTH_BYTES };
  const range = headerRange(size, await repo.store.get(name, tail, { signal }));
  const header = new Envelope(repo.masterKey).open(await repo.store.get(name, range, { signal }));
  if (!header) throw new AppError('repository-damaged', `The header of pack ${id} is damaged.`);
  return decodeHeader(header);
}
