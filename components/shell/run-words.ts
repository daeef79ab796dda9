// A run in words: the frame, the overview and the runs pages say the same thing of the same run.

import type { Tone } from '#components/ui/state.tsx';
import type { RunKind, RunOutcome, RunProgress, RunView } from '#lib/contracts/runs.ts';

export const KIND_WORD: Record<RunKind, string> = { backup: 'Backup', restore: 'Restore', check: 'Check' };

const DOING: Record<RunKind, string> = { backup: 'Backing up', restore: 'Restoring', check: 'Checking' };

const OUTCOME: Record<RunOutcome, { tone: Tone; word: string }> = {
  succeeded: { tone: 'good', word: 'Succeeded' },
  warning: { tone: 'warn', word: 'Warning' },
  failed: { tone: 'bad', word: 'Failed' },
  cancelled: { tone: 'idle', word: 'Cancelled' },
  lost: { tone: 'bad', word: 'Lost' },
};

type Named = Pick<RunView, 'kind' | 'source' | 'vault' | 'input'>;

/** What it works on: the source, or the vault of a check; else the folder that is written to. */
export function runSubject(run: Named): string {
  if (run.kind === 'check') return run.vault?.name ?? 'a deleted vault';
  if (run.source !== null) return run.source.name;
  if (run.input.kind === 'restore' && run.input.request.target.kind === 'folder') return run.input.request.target.path;
  return run.kind === 'backup' ? 'a deleted source' : (run.vault?.name ?? 'a recovery point');
}

/** "Backing up web-1" while it lasts. */
export function runDoing(run: Named): string {
  return `${DOING[run.kind]} ${runSubject(run)}`;
}

/** "Backup of web-1". */
export function runTitle(run: Named): string {
  return `${KIND_WORD[run.kind]} of ${runSubject(run)}`;
}

export function runState(run: Pick<RunView, 'state' | 'outcome' | 'cancelRequested'>): { tone: Tone; word: string } {
  if (run.state === 'queued') return { tone: 'idle', word: run.cancelRequested ? 'Stopping' : 'Waiting' };
  if (run.state === 'running') return { tone: 'run', word: run.cancelRequested ? 'Stopping' : 'Running' };
  return run.outcome === null ? { tone: 'idle', word: 'Finished' } : OUTCOME[run.outcome];
}

/** How much of the work is done, 0 to 1; null while the total is unknown. Bytes count; without bytes, files do. */
export function runShare(progress: RunProgress | null): number | null {
  if (progress === null) return null;
  if (progress.bytesTotal !== undefined && progress.bytesTotal > 0)
    return Math.min(1, progress.bytesDone / progress.bytesTotal);
  if (progress.filesTotal !== undefined && progress.filesTotal > 0)
    return Math.min(1, progress.filesDone / progress.filesTotal);
  return null;
}
