'use client';

import { Meter as BaseMeter } from '@base-ui/react/meter';
import { Progress as BaseProgress } from '@base-ui/react/progress';
import { cx } from './cx.ts';
import type { Tone } from './state.tsx';

const FILL: Record<Tone, string> = {
  good: 'bg-good',
  warn: 'bg-warn',
  bad: 'bg-bad',
  idle: 'bg-ink-3',
  run: 'bg-accent',
};

/** Work under way. `value` from 0 to 1; null while the total is unknown. */
export function ProgressBar({
  value,
  label,
  tone = 'run',
  size = 'md',
  className,
}: {
  value: number | null;
  label: string;
  tone?: Tone;
  size?: 'sm' | 'md' | 'lg';
  className?: string;
}) {
  const percent = value === null ? null : Math.min(100, Math.max(0, value * 100));
  return (
    <BaseProgress.Root value={percent} aria-label={label} className={cx('block w-full', className)}>
      <BaseProgress.Track
        className={cx('block overflow-hidden rounded-full bg-press', { sm: 'h-1', md: 'h-1.5', lg: 'h-2.5' }[size])}
      >
        <BaseProgress.Indicator
          className={cx(
            'block h-full rounded-full',
            FILL[tone],
            percent === null ? 'w-1/4 animate-sweep' : 'transition-[width]',
          )}
        />
      </BaseProgress.Track>
    </BaseProgress.Root>
  );
}

/** A standing amount of something limited: space, age against a limit. */
export function Meter({
  value,
  label,
  text,
  tone = 'idle',
  className,
}: {
  value: number;
  label: string;
  /** What a screen reader says instead of the bare per cent. */
  text?: string;
  tone?: Tone;
  className?: string;
}) {
  return (
    <BaseMeter.Root
      value={Math.min(100, Math.max(0, value * 100))}
      aria-label={label}
      {...(text === undefined ? {} : { getAriaValueText: () => text })}
      className={cx('block w-full', className)}
    >
      <BaseMeter.Track className="block h-1.5 overflow-hidden rounded-full bg-press">
        <BaseMeter.Indicator className={cx('block h-full rounded-full', FILL[tone])} />
      </BaseMeter.Track>
    </BaseMeter.Root>
  );
}
