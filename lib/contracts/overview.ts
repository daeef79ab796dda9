import { z } from 'zod';
import { count } from './common.ts';
import { runView } from './runs.ts';
import { sourceView } from './sources.ts';
import { vaultView } from './vaults.ts';

/** All that the first screen shows, in one answer. */
export const overviewView = z.object({
  /** One sentence that says whether all is well. */
  headline: z.string(),
  state: z.enum(['good', 'attention', 'bad', 'empty']),
  sources: z.array(sourceView),
  vaults: z.array(vaultView),
  running: z.array(runView),
  /** Newest finished runs, ten at most. */
  recent: z.array(runView),
  /** Runs that failed or were lost in the last 7 days and have no later success of the same source. */
  needsAttention: z.array(runView),
  counts: z.object({ sources: count, protected: count, recoveryPoints: count, workersOnline: count }),
  /** What to do next on a new installation; null once all three are done. */
  nextStep: z.enum(['create-vault', 'download-kit', 'add-source', 'run-backup']).nullable(),
});
export type OverviewView = z.infer<typeof overviewView>;
