'use client';

import { useQuery } from '@tanstack/react-query';
import { PanelLeftClose, PanelLeftOpen, Search } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { attentionItems, attentionTone } from '#components/overview/attention-items.ts';
import { cx } from '#components/ui/cx.ts';
import { IconButton } from '#components/ui/icon-button.tsx';
import { Kbd } from '#components/ui/kbd.tsx';
import { StateMark, type Tone } from '#components/ui/state.tsx';
import { Tooltip } from '#components/ui/tooltip.tsx';
import { overviewQuery } from '#lib/client/queries/overview.ts';
import { useActiveRuns } from '#lib/client/use-run-events.ts';
import { BrandMark, Wordmark } from './brand.tsx';
import { DESTINATIONS, type Destination, isAt } from './destinations.ts';
import { SessionMenu } from './session-menu.tsx';

export interface RailCount {
  value: number;
  tone: Tone;
  /** "3 need attention": read out after the label. */
  words: string;
}

/** The counts that matter, keyed by destination. */
export function useRailCounts(): Record<string, RailCount | undefined> {
  const overview = useQuery(overviewQuery()).data;
  const items = overview === undefined ? [] : attentionItems(overview);
  const attention = items.length;
  const active = useActiveRuns().length;
  return {
    '/':
      attention > 0
        ? {
            value: attention,
            tone: attentionTone(items),
            words: `${attention} ${attention === 1 ? 'needs' : 'need'} attention`,
          }
        : undefined,
    '/runs': active > 0 ? { value: active, tone: 'run', words: `${active} under way` } : undefined,
  };
}

export function Rail({ narrow, onToggle, onSearch }: { narrow: boolean; onToggle: () => void; onSearch: () => void }) {
  const pathname = usePathname();
  const counts = useRailCounts();
  return (
    <header
      data-print="none"
      className={cx(
        'sticky top-0 hidden h-dvh shrink-0 flex-col gap-1 border-r border-line bg-sunken p-2 md:flex',
        narrow ? 'w-[52px]' : 'w-(--rail)',
      )}
    >
      <div className={cx('flex h-10 items-center', narrow ? 'justify-center' : 'justify-between pl-2')}>
        <Link href="/" aria-label="Holdfast, overview" className="rounded-sm">
          {narrow ? <BrandMark className="size-5 text-accent" /> : <Wordmark />}
        </Link>
        {narrow ? null : (
          <IconButton
            size="sm"
            label="Collapse navigation"
            shortcut="["
            icon={<PanelLeftClose aria-hidden="true" />}
            onClick={onToggle}
          />
        )}
      </div>
      <Maybe tip={narrow ? 'Search' : null}>
        <button
          type="button"
          onClick={onSearch}
          className={cx(
            'mb-2 flex h-8 items-center gap-2 rounded-md border border-line-strong bg-surface text-sm text-ink-3 hover:border-ink-3 hover:text-ink-2 focus-ring',
            narrow ? 'justify-center' : 'px-2',
          )}
        >
          <Search className="size-4" aria-hidden="true" />
          <span className={narrow ? 'sr-only' : 'flex-1 text-left'}>Search</span>
          {narrow ? null : (
            <span aria-hidden="true">
              <Kbd>Ctrl K</Kbd>
            </span>
          )}
        </button>
      </Maybe>
      <nav aria-label="Main" className="flex flex-col gap-px">
        {DESTINATIONS.map((destination) => (
          <RailLink
            key={destination.href}
            destination={destination}
            narrow={narrow}
            active={isAt(pathname, destination.href)}
            count={counts[destination.href]}
          />
        ))}
      </nav>
      <div className="flex-1" />
      {narrow ? (
        <div className="flex justify-center">
          <IconButton
            size="sm"
            label="Expand navigation"
            shortcut="["
            icon={<PanelLeftOpen aria-hidden="true" />}
            onClick={onToggle}
          />
        </div>
      ) : null}
      <SessionMenu narrow={narrow} />
    </header>
  );
}

function RailLink({
  destination,
  narrow,
  active,
  count,
}: {
  destination: Destination;
  narrow: boolean;
  active: boolean;
  count: RailCount | undefined;
}) {
  const Icon = destination.icon;
  return (
    <Maybe tip={narrow ? destination.label : null} shortcut={`g ${destination.key}`}>
      <Link
        href={destination.href}
        aria-current={active ? 'page' : undefined}
        className={cx(
          'group relative flex h-8 items-center gap-2.5 rounded-md text-base focus-ring transition-colors',
          narrow ? 'justify-center' : 'px-2',
          active ? 'bg-press font-medium text-ink' : 'text-ink-2 hover:bg-hover hover:text-ink',
        )}
      >
        <Icon className={cx('size-4 shrink-0', active ? 'text-accent' : 'text-ink-3')} aria-hidden="true" />
        <span className={narrow ? 'sr-only' : 'flex-1 truncate'}>{destination.label}</span>
        {count === undefined ? null : narrow ? (
          <span className="absolute top-0.5 right-1">
            <StateMark tone={count.tone} className="size-2" />
          </span>
        ) : (
          <span className="inline-flex items-center gap-1 text-xs text-ink tabular" aria-hidden="true">
            <StateMark tone={count.tone} className="size-2" />
            {count.value}
          </span>
        )}
        {count === undefined ? null : <span className="sr-only">, {count.words}</span>}
      </Link>
    </Maybe>
  );
}

function Maybe({ tip, shortcut, children }: { tip: string | null; shortcut?: string; children: ReactNode }) {
  if (tip === null) return <>{children}</>;
  return (
    <Tooltip content={tip} side="right" {...(shortcut === undefined ? {} : { shortcut })}>
      {children as never}
    </Tooltip>
  );
}
