// biome-ignore-all lint/a11y/useSemanticElements: a table of which only the rows in sight exist cannot be laid out as <table>
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid holds the focus and names the active row (aria-activedescendant)
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the grid handles the keys of all its rows
'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, Check } from 'lucide-react';
import { type KeyboardEvent, type MouseEvent, memo, useEffect, useId, useMemo, useRef } from 'react';
import { cx } from '#components/ui/cx.ts';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { formatBytes, formatExactBytes } from '#lib/client/format.ts';
import type { EntryQuery, EntryView } from '#lib/contracts/recovery-points.ts';
import { EntryIcon, entryTime } from './entry-words.tsx';

const OVERSCAN_ROWS = 16;
/** Height of the head, which stays on top of the rows. */
const HEAD_PX = 32;

type SortKey = EntryQuery['sort'];

export interface FileGridProps {
  count: number;
  at: (index: number) => EntryView | undefined;
  onRange: (first: number, last: number) => void;
  rowHeight: number;
  sort: SortKey;
  order: 'asc' | 'desc';
  onSort: (sort: SortKey, order: 'asc' | 'desc') => void;
  cursor: number;
  onCursor: (index: number) => void;
  onOpen: (entry: EntryView) => void;
  onUp: () => void;
  selected: ReadonlyMap<string, EntryView>;
  /** `upTo`: with Shift, everything between the last one and this. */
  onToggle: (entry: EntryView, index: number, upTo: boolean) => void;
  label: string;
  className?: string;
}

const GRID =
  'grid grid-cols-[2.25rem_minmax(0,1fr)_5.5rem] sm:grid-cols-[2.25rem_minmax(0,1fr)_6rem_9rem] xl:grid-cols-[2.25rem_minmax(0,1fr)_6rem_9rem_7rem] items-center';

/**
 * Rows of one folder; only those in sight exist. One tab stop: arrows or j/k move, Enter opens, Backspace goes up, Space
 * chooses. The rows' numbers are told to a screen reader, which cannot count what is not there.
 */
export function FileGrid(props: FileGridProps) {
  const { count, at, onRange, cursor, onCursor, rowHeight } = props;
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN_ROWS,
    scrollMargin: HEAD_PX,
    scrollPaddingStart: HEAD_PX,
  });
  const rows = virtual.getVirtualItems();
  const first = rows[0]?.index ?? 0;
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => onRange(first, last), [first, last, onRange]);

  // Rows are drawn again only when they themselves change: what they call must stay the same from one drawing to the next.
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });
  const handlers = useMemo<RowHandlers>(
    () => ({
      cursor: (index) => latest.current.onCursor(index),
      open: (entry) => latest.current.onOpen(entry),
      toggle: (entry, index, upTo) => latest.current.onToggle(entry, index, upTo),
    }),
    [],
  );

  const move = (index: number) => {
    const next = Math.max(0, Math.min(count - 1, index));
    onCursor(next);
    virtual.scrollToIndex(next, { align: 'auto' });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || count === 0) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? rowHeight) / rowHeight) - 1);
    const entry = at(cursor);
    switch (event.key) {
      case 'ArrowDown':
      case 'j':
        move(cursor + 1);
        break;
      case 'ArrowUp':
      case 'k':
        move(cursor - 1);
        break;
      case 'PageDown':
        move(cursor + page);
        break;
      case 'PageUp':
        move(cursor - page);
        break;
      case 'Home':
        move(0);
        break;
      case 'End':
        move(count - 1);
        break;
      case 'Enter':
      case 'ArrowRight':
        if (entry === undefined || (event.key === 'ArrowRight' && entry.type !== 'dir')) return;
        props.onOpen(entry);
        break;
      case 'Backspace':
      case 'ArrowLeft':
        props.onUp();
        break;
      case ' ':
        if (entry !== undefined) props.onToggle(entry, cursor, event.shiftKey);
        break;
      default:
        return;
    }
    event.preventDefault();
  };
  return (
    <div
      ref={scroller}
      role="grid"
      tabIndex={0}
      data-files
      aria-label={props.label}
      aria-rowcount={count + 1}
      aria-multiselectable="true"
      aria-activedescendant={count > 0 ? `${id}-${cursor}` : undefined}
      onKeyDown={onKeyDown}
      className={cx('group/grid overflow-y-auto outline-none scroll-thin', props.className)}
    >
      <div
        role="row"
        aria-rowindex={1}
        className={cx(
          GRID,
          'sticky top-0 z-10 h-8 border-b border-line bg-[var(--grid-head,var(--color-canvas))] pr-3 text-xs text-ink-3',
        )}
      >
        <span role="columnheader">
          <span className="sr-only">Chosen</span>
        </span>
        <SortHead {...props} column="name" label="Name" />
        <SortHead {...props} column="size" label="Size" right />
        <SortHead {...props} column="mtime" label="Changed" right className="max-sm:hidden" />
        <span role="columnheader" className="pl-4 max-xl:hidden">
          Mode
        </span>
      </div>
      <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
        {rows.map((row) => {
          const entry = at(row.index);
          return (
            <Row
              key={row.key}
              id={`${id}-${row.index}`}
              index={row.index}
              top={row.start - HEAD_PX}
              height={rowHeight}
              entry={entry}
              chosen={entry !== undefined && props.selected.has(entry.path)}
              active={row.index === cursor}
              handlers={handlers}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowHandlers {
  cursor: (index: number) => void;
  open: (entry: EntryView) => void;
  toggle: (entry: EntryView, index: number, upTo: boolean) => void;
}

interface RowProps {
  id: string;
  index: number;
  top: number;
  height: number;
  entry: EntryView | undefined;
  chosen: boolean;
  active: boolean;
  handlers: RowHandlers;
}

const Row = memo(function Row({ id, index, top, height, entry, chosen, active, handlers }: RowProps) {
  const click = (event: MouseEvent) => {
    handlers.cursor(index);
    if (entry === undefined) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) {
      event.preventDefault();
      handlers.toggle(entry, index, event.shiftKey);
    }
  };
  return (
    <div
      id={id}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={chosen}
      onClick={click}
      onDoubleClick={() => {
        if (entry !== undefined) handlers.open(entry);
      }}
      style={{ height, transform: `translateY(${top}px)` }}
      className={cx(
        GRID,
        'absolute inset-x-0 top-0 border-b border-line pr-3 text-sm select-none',
        chosen ? 'bg-accent-soft' : active ? 'bg-hover' : 'hover:bg-hover',
        active &&
          'shadow-[inset_2px_0_0_0_var(--color-accent)] group-focus-visible/grid:outline-2 group-focus-visible/grid:-outline-offset-2 group-focus-visible/grid:outline-accent',
      )}
    >
      {entry === undefined ? (
        <>
          <span role="gridcell" />
          <span role="gridcell">
            <Skeleton className="h-3 w-48 max-w-full" />
          </span>
        </>
      ) : (
        <>
          {/* The row says whether it is chosen; this is for the eye and the pointer. */}
          <span role="gridcell" className="flex h-full items-center justify-center">
            <span
              aria-hidden="true"
              onClick={(event) => {
                event.stopPropagation();
                handlers.cursor(index);
                handlers.toggle(entry, index, event.shiftKey);
              }}
              onDoubleClick={(event) => event.stopPropagation()}
              className="flex size-full cursor-pointer items-center justify-center"
            >
              <span
                className={cx(
                  'flex size-4 items-center justify-center rounded-xs border',
                  chosen ? 'border-accent-fill bg-accent-fill text-on-accent' : 'border-edge bg-surface',
                )}
              >
                {chosen ? <Check className="size-3" strokeWidth={3} /> : null}
              </span>
            </span>
          </span>
          <span role="gridcell" className="flex min-w-0 items-center gap-2">
            <EntryIcon type={entry.type} />
            {entry.type === 'dir' ? (
              <button
                type="button"
                tabIndex={-1}
                onClick={(event) => {
                  if (event.shiftKey || event.ctrlKey || event.metaKey) return;
                  event.stopPropagation();
                  handlers.open(entry);
                }}
                className="truncate text-left hover:underline"
              >
                {entry.name}
              </button>
            ) : (
              <span className="truncate" title={entry.name}>
                {entry.name}
              </span>
            )}
            {entry.linkTarget === undefined ? null : (
              <span className="truncate font-mono text-xs text-ink-3">→ {entry.linkTarget}</span>
            )}
          </span>
          <span
            role="gridcell"
            className="text-right text-ink-2 tabular"
            title={entry.type === 'file' ? formatExactBytes(entry.size) : undefined}
          >
            {entry.type === 'file' ? formatBytes(entry.size) : ''}
          </span>
          <span
            role="gridcell"
            suppressHydrationWarning
            className="truncate text-right text-ink-2 tabular max-sm:hidden"
          >
            {entryTime(entry.mtime)}
          </span>
          <span role="gridcell" className="truncate pl-4 font-mono text-xs text-ink-3 max-xl:hidden">
            {entry.mode}
          </span>
        </>
      )}
    </div>
  );
});

function SortHead({
  column,
  label,
  sort,
  order,
  onSort,
  right = false,
  className,
}: Pick<FileGridProps, 'sort' | 'order' | 'onSort'> & {
  column: SortKey;
  label: string;
  right?: boolean;
  className?: string;
}) {
  const active = sort === column;
  const Arrow = active && order === 'desc' ? ArrowDown : ArrowUp;
  // Names begin at A; of sizes and times the large and the new are looked for.
  const opening = column === 'name' ? 'asc' : 'desc';
  return (
    <span
      role="columnheader"
      aria-sort={active ? (order === 'asc' ? 'ascending' : 'descending') : undefined}
      className={cx('flex min-w-0', right && 'justify-end', className)}
    >
      <button
        type="button"
        onClick={() => onSort(column, active ? (order === 'asc' ? 'desc' : 'asc') : opening)}
        className={cx(
          'group inline-flex h-7 items-center gap-1 rounded-xs hover:text-ink',
          right && 'flex-row-reverse',
        )}
      >
        {label}
        <Arrow className={cx('size-3', active ? 'text-ink' : 'opacity-0 group-hover:opacity-60')} aria-hidden="true" />
      </button>
    </span>
  );
}
