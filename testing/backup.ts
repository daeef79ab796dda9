import { recordRecoveryPoint } from '../lib/db/run-facts.ts';
import { backup } from '../lib/engine/verbs/backup.ts';
import { openVault } from '../lib/services/open-vault.ts';

/** Backs a folder up into a vault, in this process, and records the recovery point; returns its id. */
export async function backUp(vaultId: string, path: string, hostname: string): Promise<string> {
  const { repository, close } = await openVault(vaultId);
  try {
    const { snapshot, summary } = await backup(repository, { paths: [path], hostname });
    const { id } = await recordRecoveryPoint({
      vaultId,
      sourceId: null,
      runId: null,
      snapshotId: snapshot.id,
      treeId: snapshot.tree,
      time: new Date(snapshot.time),
      hostname,
      paths: [path],
      files: summary.total_files_processed,
      bytes: summary.total_bytes_processed,
      addedBytes: summary.data_added,
      storedBytes: summary.data_added_packed,
      problemCount: 0,
    });
    return id;
  } finally {
    await close();
  }
}
