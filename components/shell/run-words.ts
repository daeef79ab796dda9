// A run in words: the frame, the overview and the runs pages say the same thing of the same run.

import type { Tone } from '#components/ui/state.tsx';
import { formatRelative } from '#lib/client/format.ts';
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

/** A run that waits for a worker that is away is marked: nobody else will tell that it does not begin. */
export function runState(
  run: Pick<RunView, 'state' | 'outcome' | 'cancelRequested'> & Partial<Pick<RunView, 'waitsFor'>>,
): { tone: Tone; word: string } {
  if (run.state === 'queued') {
    if (run.cancelRequested) return { tone: 'idle', word: 'Stopping' };
    return { tone: run.waitsFor?.online === false ? 'warn' : 'idle', word: 'Waiting' };
  }
  if (run.state === 'running') return { tone: 'run', word: run.cancelRequested ? 'Stopping' : 'Running' };
  return run.outcome === null ? { tone: 'idle', word: 'Finished' } : OUTCOME[run.outcome];
}

export interface RunWait {
  /** Nobody is there who could take it: without a person it waits for ever. */
  stuck: boolean;
  /** Ends with a full stop. */
  sentence: string;
  /** What to do, when something has to be done. */
  remedy?: string;
}

/** What a queued run waits for; null once it has been taken. */
export function runWait(run: Pick<RunView, 'kind' | 'state' | 'waitsFor'>, now: number): RunWait | null {
  const { waitsFor } = run;
  if (run.state !== 'queued' || waitsFor === null) return null;
  const { worker, online, lastSeenAt } = waitsFor;
  const who = worker === null ? 'a worker' : workerOf(worker);
  if (online) return { stuck: false, sentence: `Waits for ${who}: its turn comes after the runs before it.` };
  const seen = lastSeenAt === null ? 'never seen' : `last seen ${formatRelative(Date.parse(lastSeenAt), now)}`;
  return worker === null
    ? {
        stuck: true,
        sentence: `Waits for a worker, and none is running; the newest sign of one: ${seen}.`,
        remedy: `Start a worker: the ${run.kind} then begins by itself. Until then it can be cancelled.`,
      }
    : {
        stuck: true,
        sentence: `Waits for ${who}, ${seen}.`,
        remedy: `Start the worker on that host, or see why it stays silent: the ${run.kind} then begins by itself. Until then it can be cancelled.`,
      };
}

/** Most workers are called as their host is. */
function workerOf({ name, hostname }: { name: string; hostname: string }): string {
  return name === hostname ? `the worker of ${hostname}` : `the worker ${name} of ${hostname}`;
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
