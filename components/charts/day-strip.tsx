import { formatDay, formatPlural } from '#lib/client/format.ts';

export interface Day {
  /** YYYY-MM-DD in UTC. */
  day: string;
  outcome: 'succeeded' | 'warning' | 'failed' | 'none';
  runs: number;
}

const CELL = 4;
const GAP = 1;
const HEIGHT = 18;

const WORD: Record<Day['outcome'], string> = {
  succeeded: 'succeeded',
  warning: 'ended with a warning',
  failed: 'failed',
  none: 'no run',
};

/** "30 days: 26 succeeded, 1 with a warning, 2 failed, 1 without a run." */
export function stripWords(days: readonly Day[]): string {
  const count = (outcome: Day['outcome']): number => days.filter((day) => day.outcome === outcome).length;
  const parts = [
    [count('succeeded'), 'succeeded'],
    [count('warning'), 'with a warning'],
    [count('failed'), 'failed'],
    [count('none'), 'without a run'],
  ] as const;
  const words = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  return `${formatPlural(days.length, 'day')}: ${words.join(', ')}.`;
}

/**
 * One mark a day, oldest left. The outcome is its shape as well as its colour: full bar, bar with a notch, low block, dot.
 */
export function DayStrip({ days }: { days: readonly Day[] }) {
  const width = days.length * (CELL + GAP) - GAP;
  return (
    <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" className="relative z-10 block">
      <title>{stripWords(days)}</title>
      {days.map((day, index) => {
        const x = index * (CELL + GAP);
        return (
          <g key={day.day}>
            <title>
              {`${formatDay(day.day)}: ${WORD[day.outcome]}${day.runs > 1 ? ` (${formatPlural(day.runs, 'run')})` : ''}`}
            </title>
            {/* The whole cell answers the pointer, also where little is drawn. */}
            <rect x={x} y={0} width={CELL + GAP} height={HEIGHT} fill="transparent" />
            <DayMark x={x} outcome={day.outcome} />
          </g>
        );
      })}
    </svg>
  );
}

function DayMark({ x, outcome }: { x: number; outcome: Day['outcome'] }) {
  switch (outcome) {
    case 'succeeded':
      return <rect x={x} y={1} width={CELL} height={16} rx={1} className="fill-good" fillOpacity={0.85} />;
    case 'warning':
      return (
        <g className="fill-warn">
          <rect x={x} y={1} width={CELL} height={10} rx={1} />
          <rect x={x} y={13} width={CELL} height={4} rx={1} />
        </g>
      );
    case 'failed':
      return <rect x={x} y={10} width={CELL} height={7} rx={1} className="fill-bad" />;
    case 'none':
      return <circle cx={x + CELL / 2} cy={15.5} r={1} className="fill-line-strong" />;
  }
}
