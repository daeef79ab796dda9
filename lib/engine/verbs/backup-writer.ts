import type { HeldLock } from '../repository/lock.ts';
import { OrderedWriter } from '../repository/ordered-writer.ts';
import type { Repository } from '../repository/repository.ts';

/** What a backup writes, and in which order: repository/ordered-writer.ts. */
export class BackupWriter extends OrderedWriter {
  constructor(repo: Repository, lock: HeldLock, signal: AbortSignal) {
    super(repo, lock, signal, 'backup');
  }
}

/** Stores nothing, for a dry run. */
export class DryWriter extends BackupWriter {
  override async storePack(): Promise<void> {}
}
