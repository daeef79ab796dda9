'use client';

import { ChevronLeft, ChevronRight, ZoomIn, ZoomOut } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useWidth } from '#components/charts/use-width.ts';
import { cx } from '#components/ui/cx.ts';
import { useNow } from '#components/ui/figures.tsx';
import { IconButton } from '#components/ui/icon-button.tsx';
import { Segmented } from '#components/ui/segmented.tsx';
import { StateMark } from '#components/ui/state.tsx';
import { formatBytes, formatInstant, formatPlural, formatShortInstant } from '#lib/client/format.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import { missingWords } from './missing-point.tsx';
import { type Mark, marksOf, panned, type Range, revealing, ticksOf, wholeRange, zoomed } from './timeline-scale.ts';

const SPACING_PX = 14;
const TICK_SPACING_PX = 96;
const DAY = 86_400_000;
const PRESETS = { '7': 7 * DAY, '30': 30 * DAY, '365': 365 * DAY } as const;
const ZOOM_STEP = 0.5;

const SHADE: Record<Mark['shade'], string> = {
  1: 'bg-accent/20 border border-accent',
  2: 'bg-accent/45 border border-accent',
  3: 'bg-accent/75',
  4: 'bg-accent',
};

export interface TimelineProps {
  /** Newest first. */
  points: readonly RecoveryPointView[];
  selected: string | null;
  /** A second one, to compare with. */
  second: string | null;
  onSelect: (id: string) => void;
  onSecond: (id: string) => void;
}

/**
 * Recovery points over time, newest on the right. Arrows go from point to point, + and − zoom, Shift chooses a second one
 * to compare with. Points too close to be told apart share a mark until one zooms in.
 */
export function Timeline({ points, selected, second, onSelect, onSecond }: TimelineProps) {
  const id = useId();
  const now = useNow();
  const [box, width] = useWidth<HTMLDivElement>();
  const items = useMemo(
    () => points.map((point) => ({ id: point.id, at: Date.parse(point.time), added: point.addedBytes })),
    [points],
  );
  const byId = useMemo(() => new Map(points.map((point) => [point.id, point])), [points]);
  const newest = items[0]?.at ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the clock only counts while there is no point
  const whole = useMemo(() => wholeRange(items, now), [items]);
  const [chosen, setRange] = useState<Range | null>(null);
  const range = chosen === null ? whole : revealInside(chosen, whole);
  const marks = useMemo(() => marksOf(items, range, width, SPACING_PX), [items, range, width]);
  const ticks = ticksOf(range, width, TICK_SPACING_PX);
  const at = items.findIndex((item) => item.id === selected);
  const zoom = (factor: number, anchor?: number) =>
    setRange(zoomed(range, factor, anchor ?? items[at]?.at ?? range.to, whole));
  const pan = (share: number) => setRange(panned(range, (range.to - range.from) * share, whole));

  // React listens to the wheel passively; taking it over for zooming needs a listener of our own.
  const wheel = useRef<(event: WheelEvent) => void>(() => {});
  useEffect(() => {
    wheel.current = (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const left = box.current?.getBoundingClientRect().left ?? 0;
      const share = width === 0 ? 1 : (event.clientX - left) / width;
      zoom(event.deltaY > 0 ? 1.25 : 0.8, range.from + (range.to - range.from) * share);
    };
  });
  useEffect(() => {
    const element = box.current;
    const listen = (event: WheelEvent) => wheel.current(event);
    element?.addEventListener('wheel', listen, { passive: false });
    return () => element?.removeEventListener('wheel', listen);
  }, [box]);

  const go = (index: number, withShift: boolean) => {
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (item === undefined) return;
    setRange((old) => (old === null ? null : revealing(old, item.at, whole)));
    if (withShift) onSecond(item.id);
    else onSelect(item.id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const from = event.shiftKey && second !== null ? items.findIndex((item) => item.id === second) : at;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    switch (event.key) {
      case 'ArrowRight':
        go(from - 1, event.shiftKey);
        break;
      case 'ArrowLeft':
        go(from + 1, event.shiftKey);
        break;
      case 'Home':
        go(items.length - 1, event.shiftKey);
        break;
      case 'End':
        go(0, event.shiftKey);
        break;
      case '+':
      case '=':
        zoom(ZOOM_STEP);
        break;
      case '-':
        zoom(1 / ZOOM_STEP);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  const preset = chosen === null ? 'all' : presetOf(chosen);
  return (
    <div>
      <div className="mb-2 flex flex-wrap items-center gap-2" data-print="none">
        <Segmented
          label="Span"
          value={preset}
          onValueChange={(next) => {
            if (next === 'all') setRange(null);
            else if (next !== 'own') {
              const span = PRESETS[next];
              const end = Math.min(whole.to, newest + span * 0.04);
              setRange(span >= whole.to - whole.from ? null : { from: end - span, to: end });
            }
          }}
          options={[
            { value: '7', label: '7 d' },
            { value: '30', label: '30 d' },
            { value: '365', label: '1 y' },
            { value: 'all', label: 'All' },
            ...(preset === 'own' ? [{ value: 'own' as const, label: 'Zoomed' }] : []),
          ]}
        />
        <span className="flex">
          <IconButton size="sm" label="Earlier" icon={<ChevronLeft aria-hidden="true" />} onClick={() => pan(-0.5)} />
          <IconButton size="sm" label="Later" icon={<ChevronRight aria-hidden="true" />} onClick={() => pan(0.5)} />
          <IconButton
            size="sm"
            label="Zoom in"
            shortcut="+"
            icon={<ZoomIn aria-hidden="true" />}
            onClick={() => zoom(ZOOM_STEP)}
          />
          <IconButton
            size="sm"
            label="Zoom out"
            shortcut="-"
            icon={<ZoomOut aria-hidden="true" />}
            onClick={() => zoom(1 / ZOOM_STEP)}
          />
        </span>
        <Legend />
      </div>
      <div
        role="listbox"
        tabIndex={0}
        aria-label="Recovery points over time, newest on the right"
        aria-orientation="horizontal"
        aria-activedescendant={selected !== null && marks.some((mark) => has(mark, selected)) ? `${id}-now` : undefined}
        onKeyDown={onKeyDown}
        className="rounded-sm px-2 focus-ring"
      >
        <div ref={box} className="relative h-16" role="presentation">
          <div className="absolute inset-x-0 top-8 h-px bg-line" aria-hidden="true" />
          {ticks.map((tick) => (
            <span
              key={tick.at}
              aria-hidden="true"
              className="absolute top-8 flex h-7 flex-col justify-end border-l border-line pl-1 text-xs whitespace-nowrap text-ink-3 tabular"
              style={{ left: tick.x }}
            >
              {tick.x > width - 60 ? '' : tickLabel(tick.at, tick.withClock, now)}
            </span>
          ))}
          {marks.map((mark) => (
            <MarkButton
              key={mark.id}
              id={selected !== null && has(mark, selected) ? `${id}-now` : undefined}
              mark={mark}
              point={byId.get(mark.id)}
              missing={mark.points.filter((one) => byId.get(one.id)?.missingSince != null).length}
              selected={selected !== null && has(mark, selected)}
              second={second !== null && has(mark, second)}
              onPick={(withShift) => (withShift ? onSecond : onSelect)(nextIn(mark, selected))}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function has(mark: Mark, id: string): boolean {
  return mark.points.some((point) => point.id === id);
}

/** A click on the mark that is chosen already goes through the points that share it. */
function nextIn(mark: Mark, selected: string | null): string {
  const at = mark.points.findIndex((point) => point.id === selected);
  return mark.points[(at + 1) % mark.points.length]?.id ?? mark.id;
}

/** New points widen the whole; a chosen range that ended up outside comes back in. */
function revealInside(range: Range, whole: Range): Range {
  return panned(range, 0, whole);
}

function presetOf(range: Range): keyof typeof PRESETS | 'own' {
  const span = range.to - range.from;
  for (const [name, length] of Object.entries(PRESETS)) {
    if (Math.abs(length - span) < 1000) return name as keyof typeof PRESETS;
  }
  return 'own';
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

function tickLabel(at: number, withClock: boolean, now: number): string {
  const [day = ''] = formatShortInstant(at, now).split(',');
  if (!withClock) return day;
  const time = clock.format(at);
  return time === '00:00' ? day : time;
}

function MarkButton({
  id,
  mark,
  point,
  missing,
  selected,
  second,
  onPick,
}: {
  id: string | undefined;
  mark: Mark;
  point: RecoveryPointView | undefined;
  /** Of the points that share the mark. */
  missing: number;
  selected: boolean;
  second: boolean;
  onPick: (withShift: boolean) => void;
}) {
  if (point === undefined) return null;
  const many = mark.points.length;
  const words = [
    formatInstant(Date.parse(point.time)),
    formatPlural(point.files, 'file'),
    `${formatBytes(point.addedBytes)} added`,
    ...(point.problemCount > 0 ? [formatPlural(point.problemCount, 'problem')] : []),
    ...(point.missingSince === null ? [] : [missingWords(point.missingSince)]),
    ...(many > 1 ? [`and ${formatPlural(many - 1, 'more', 'more')} close by`] : []),
    ...(many > 1 && missing > 0 ? [`${missing} of them missing`] : []),
  ].join(', ');
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the list that owns the marks
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={selected || second}
      aria-label={words}
      title={words}
      onClick={(event) => onPick(event.shiftKey)}
      className="absolute top-1 flex h-[27px] w-3.5 -translate-x-1/2 cursor-pointer flex-col items-center justify-end"
      style={{ left: mark.x }}
    >
      {missing > 0 ? (
        <StateMark tone="bad" className="mb-0.5 size-2" />
      ) : point.problemCount > 0 ? (
        <svg viewBox="0 0 8 7" className="mb-0.5 size-2 shrink-0 text-warn" aria-hidden="true">
          <path d="M4 0 8 7H0Z" fill="currentColor" />
        </svg>
      ) : null}
      <span
        className={cx(
          'block h-4 w-2 rounded-xs',
          missing < many ? SHADE[mark.shade] : 'border border-dashed border-bad',
          many > 1 && 'shadow-[2px_-2px_0_0_var(--color-line-strong)]',
          selected && 'outline-2 outline-offset-2 outline-ink',
          second && !selected && 'outline-2 outline-offset-2 outline-ink-3 outline-dashed',
        )}
      />
    </div>
  );
}

function Legend() {
  return (
    <span className="ml-auto flex items-center gap-3 text-xs text-ink-3 max-sm:hidden" aria-hidden="true">
      <span className="flex items-center gap-1">
        added: little
        {([1, 2, 3, 4] as const).map((shade) => (
          <span key={shade} className={cx('block h-3 w-1.5 rounded-xs', SHADE[shade])} />
        ))}
        much
      </span>
      <span>Shift-click compares</span>
    </span>
  );
}
