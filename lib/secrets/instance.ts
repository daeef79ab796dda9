// The master key of this process, read once from its configuration.

import { config } from '#lib/config.ts';
import { loadMasterKey, type MasterKey } from './master-key.ts';

const holder = globalThis as typeof globalThis & { holdfastMasterKey?: Promise<MasterKey> };

export function masterKey(): Promise<MasterKey> {
  if (!holder.holdfastMasterKey) {
    const loading = loadMasterKey({ dataDir: config().dataDir, given: config().masterKey });
    holder.holdfastMasterKey = loading;
    // A failure is not remembered: the file may be repaired while this process runs.
    loading.catch(() => delete holder.holdfastMasterKey);
  }
  return holder.holdfastMasterKey;
}

/** For tests, which change the configuration. */
export function forgetMasterKey(): void {
  delete holder.holdfastMasterKey;
}
