'use client';

import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from './cx.ts';

const ROW_PX = 36;
const OVERSCAN_ROWS = 12;

/**
 * A list of which only the rows in sight exist. It scrolls inside itself: give it a height through `className`.
 * `onRange` tells which rows are in sight, so that the caller can fetch them.
 */
export function VirtualList({
  count,
  renderRow,
  rowHeight = ROW_PX,
  onRange,
  label,
  className,
  scrollTo,
  role = 'list',
}: {
  count: number;
  renderRow: (index: number) => ReactNode;
  rowHeight?: number;
  onRange?: (first: number, last: number) => void;
  label: string;
  className?: string;
  /** Keeps this row in sight. */
  scrollTo?: number;
  role?: 'list' | 'log' | 'listbox' | 'presentation';
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN_ROWS,
  });
  const rows = virtual.getVirtualItems();
  const first = rows[0]?.index ?? 0;
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (count > 0) onRange?.(first, last);
  }, [count, first, last, onRange]);
  useEffect(() => {
    if (scrollTo !== undefined && scrollTo >= 0) virtual.scrollToIndex(scrollTo, { align: 'auto' });
  }, [scrollTo, virtual]);
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: every role this takes has a name
    <div
      ref={scroller}
      tabIndex={0}
      role={role}
      aria-label={label}
      className={cx('overflow-auto scroll-thin', className)}
    >
      <div style={{ height: virtual.getTotalSize() }} className="relative w-full" role="presentation">
        {rows.map((row) => (
          // biome-ignore lint/a11y/useAriaPropsSupportedByRole: given to list items only
          <div
            key={row.key}
            role={role === 'list' ? 'listitem' : 'presentation'}
            aria-setsize={role === 'list' ? count : undefined}
            aria-posinset={role === 'list' ? row.index + 1 : undefined}
            style={{ height: rowHeight, transform: `translateY(${row.start}px)` }}
            className="absolute inset-x-0 top-0"
          >
            {renderRow(row.index)}
          </div>
        ))}
      </div>
    </div>
  );
}
