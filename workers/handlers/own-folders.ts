import { config } from '#lib/config.ts';
import type { StoreConfig } from '#lib/contracts/vaults.ts';

/** Folders on this host that no backup reads and no restore writes: the data folder, and the vault in hand when it is local. */
export function ownFolders(store: StoreConfig): string[] {
  return [config().dataDir, store.path];
}
