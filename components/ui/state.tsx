import type { ReactNode } from 'react';
import { cx } from './cx.ts';

/** What a state means to the person. Its shape differs as well as its colour, so that it works in grey. */
export type Tone = 'good' | 'warn' | 'bad' | 'idle' | 'run';

const COLOUR: Record<Tone, string> = {
  good: 'text-good',
  warn: 'text-warn',
  bad: 'text-bad',
  idle: 'text-ink-3',
  run: 'text-accent',
};

const SOFT: Record<Tone, string> = {
  good: 'bg-good-soft text-good',
  warn: 'bg-warn-soft text-warn',
  bad: 'bg-bad-soft text-bad',
  idle: 'bg-hover text-ink-2',
  run: 'bg-accent-soft text-accent',
};

/** ● good, ▲ warning, ■ bad, ◌ idle, ◐ running. Decorative: a word stands beside it. */
export function StateMark({ tone, className }: { tone: Tone; className?: string }) {
  return (
    <svg viewBox="0 0 12 12" className={cx('size-2.5 shrink-0', COLOUR[tone], className)} aria-hidden="true">
      <Shape tone={tone} />
    </svg>
  );
}

function Shape({ tone }: { tone: Tone }) {
  switch (tone) {
    case 'good':
      return <circle cx="6" cy="6" r="5" fill="currentColor" />;
    case 'warn':
      return <path d="M6 0.8 11.8 11 H0.2 Z" fill="currentColor" />;
    case 'bad':
      return <rect x="1" y="1" width="10" height="10" rx="1" fill="currentColor" />;
    case 'idle':
      return (
        <circle cx="6" cy="6" r="4.6" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="2.4 1.7" />
      );
    case 'run':
      return (
        <>
          <circle cx="6" cy="6" r="4.75" fill="none" stroke="currentColor" strokeWidth="1.5" />
          <path d="M6 1.5a4.5 4.5 0 0 0 0 9Z" fill="currentColor" />
        </>
      );
  }
}

/** The mark with its word, in running text and table cells. */
export function State({ tone, children, className }: { tone: Tone; children: ReactNode; className?: string }) {
  return (
    <span className={cx('inline-flex items-center gap-1.5 whitespace-nowrap', COLOUR[tone], className)}>
      <StateMark tone={tone} />
      <span className={tone === 'good' || tone === 'idle' ? 'text-ink-2' : undefined}>{children}</span>
    </span>
  );
}

/** The same on a tint, for page heads and where one state stands alone. */
export function Badge({ tone, children, mark = true }: { tone: Tone; children: ReactNode; mark?: boolean }) {
  return (
    <span
      className={cx(
        'inline-flex h-5 items-center gap-1.5 rounded-sm px-1.5 text-xs font-medium whitespace-nowrap',
        SOFT[tone],
      )}
    >
      {mark ? <StateMark tone={tone} className="size-2" /> : null}
      {children}
    </span>
  );
}

/** A sentence that needs to be seen: neutral by default, on a tint of its tone. */
export function Notice({
  tone,
  title,
  children,
  actions,
}: {
  tone: Tone;
  title?: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div
      role={tone === 'bad' ? 'alert' : undefined}
      className={cx('flex items-start gap-2.5 rounded-md px-3 py-2.5', SOFT[tone])}
    >
      <StateMark tone={tone} className="mt-[5px]" />
      <div className="min-w-0 flex-1 text-base text-ink">
        {title === undefined ? null : <p className="font-medium">{title}</p>}
        {children === undefined ? null : <div className="text-sm text-ink-2">{children}</div>}
        {actions === undefined ? null : <div className="mt-2 flex flex-wrap gap-2">{actions}</div>}
      </div>
    </div>
  );
}
