import type { Tone } from '#components/ui/state.tsx';
import type { SourceState } from '#lib/contracts/sources.ts';

/** A source's state in a word, with what it means. The same on every screen. */
export const SOURCE_STATE: Record<SourceState, { tone: Tone; word: string; means: string }> = {
  protected: { tone: 'good', word: 'Protected', means: 'The newest backup is complete.' },
  warning: { tone: 'warn', word: 'Warning', means: 'The newest backup skipped files it could not read.' },
  failed: { tone: 'bad', word: 'Failed', means: 'The newest backup failed or was lost.' },
  missing: { tone: 'bad', word: 'Missing', means: 'The newest recovery point is gone from its vault.' },
  never: { tone: 'idle', word: 'Not yet', means: 'There is no recovery point yet.' },
};

/** Worst first, for sorting. */
export const SOURCE_URGENCY: Record<SourceState, number> = {
  failed: 0,
  missing: 1,
  warning: 2,
  never: 3,
  protected: 4,
};
