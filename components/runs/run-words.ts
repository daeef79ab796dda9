// What only the pages of runs say; the words they share with the frame are in components/shell/run-words.ts.

import { runDoing, runShare, runState, runTitle } from '#components/shell/run-words.ts';
import { formatPercent } from '#lib/client/format.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { RUN_PHASES } from '#lib/domain/run-phases.ts';

const MARK = { good: '●', warn: '▲', bad: '■', idle: '◌', run: '◐' };

/** Title of the browser tab: how far first, since tabs are narrow. */
export function runTabTitle(run: RunView): string {
  const { tone, word } = runState(run);
  if (run.state !== 'running') return `${MARK[tone]} ${word}: ${runTitle(run)}`;
  const done = runShare(run.progress);
  return `${MARK[tone]} ${done === null ? '' : `${formatPercent(done)} `}${runDoing(run)}`;
}

/** The steps this run will go through: a check that does not read the data has no such step. */
export function phasesOf(run: Pick<RunView, 'kind' | 'input'>): readonly { key: string; label: string }[] {
  const { input } = run;
  return RUN_PHASES[run.kind].filter((phase) => {
    if (phase.key === 'verifying' && input.kind === 'restore') return input.request.verify;
    if (phase.key === 'data' && input.kind === 'check') return input.readData;
    return true;
  });
}
