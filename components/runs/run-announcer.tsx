'use client';

import { useEffect, useRef, useState } from 'react';
import { runDoing, runShare, runState, runTitle } from '#components/shell/run-words.ts';
import { formatEta, formatPercent } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { phaseLabel } from '#lib/domain/run-phases.ts';

/** Not more often than this: a voice that never stops is turned off. Ends are said at once. */
const PAUSE_MS = 20_000;

/** Progress for those who listen: the step when it changes, else how far, at a humane rate. */
export function RunAnnouncer({ run }: { run: RunView }) {
  const [said, setSaid] = useState('');
  const last = useRef({ at: 0, key: '' });
  useEffect(() => {
    const phase = run.progress?.phase ?? '';
    const key = `${run.state} ${run.outcome ?? ''} ${phase}`;
    const now = Date.now();
    const first = last.current.key === '';
    const urgent = key !== last.current.key && !first;
    if (!urgent && now - last.current.at < PAUSE_MS) return;
    if (run.state === 'finished' && (first || !urgent)) {
      last.current = { at: now, key };
      return;
    }
    last.current = { at: now, key };
    setSaid(sentence(run));
  }, [run]);
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}

function sentence(run: RunView): string {
  if (run.state === 'finished') {
    const word = runState(run).word;
    return `${runTitle(run)}: ${word}. ${run.error?.message ?? ''}`;
  }
  if (run.state === 'queued') return `${runTitle(run)} waits for a worker.`;
  const { progress } = run;
  if (progress === null) return `${runDoing(run)}: starting.`;
  const done = runShare(progress);
  return [
    `${runDoing(run)}: ${phaseLabel(run.kind, progress.phase)}`,
    done === null ? null : formatPercent(done),
    progress.eta === undefined ? null : `${formatEta(progress.eta)} left`,
  ]
    .filter(Boolean)
    .join(', ');
}
