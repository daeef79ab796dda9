'use client';

import { ArrowDown, ArrowUp } from 'lucide-react';
import Link from 'next/link';
import { type KeyboardEvent, type ReactNode, useMemo } from 'react';
import { Checkbox } from './choice.tsx';
import { cx } from './cx.ts';
import { useListKeys } from './list-keys.ts';

export interface Column<Row> {
  id: string;
  header: ReactNode;
  cell: (row: Row) => ReactNode;
  /** Makes the column sortable. Missing values (null) come last in both directions. */
  sortBy?: (row: Row) => string | number | null;
  align?: 'left' | 'right';
  /** Any CSS width; the rest is shared. */
  width?: string;
  /** Left out below that width; what matters then is repeated in the first cell. */
  hideBelow?: 'sm' | 'md' | 'lg' | 'xl';
  /** Takes the room that is left, and is cut rather than pushing others out. For the one column of names. */
  grow?: boolean;
  /** The header is there for a screen reader only. */
  hideHeader?: boolean;
}

export interface Sort {
  column: string;
  order: 'asc' | 'desc';
}

export interface TableProps<Row> {
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Names the table for a screen reader. */
  label: string;
  /** The first cell becomes a link that covers the row; j, k and Enter work. */
  rowHref?: (row: Row) => string;
  sort?: Sort | null;
  onSortChange?: (sort: Sort) => void;
  /** With both, a column of checkboxes. */
  selected?: ReadonlySet<string>;
  onSelectedChange?: (selected: ReadonlySet<string>) => void;
  rowLabel?: (row: Row) => string;
  /** Shown instead of the body when there are no rows. */
  empty?: ReactNode;
  className?: string;
}

const HIDE = {
  sm: 'max-sm:hidden',
  md: 'max-md:hidden',
  lg: 'max-lg:hidden',
  xl: 'max-xl:hidden',
} as const;

export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: Sort | null): Row[] {
  const key = columns.find((column) => column.id === sort?.column)?.sortBy;
  if (key === undefined || sort === null) return [...rows];
  const sign = sort.order === 'asc' ? 1 : -1;
  return [...rows].sort((a, b) => {
    const left = key(a);
    const right = key(b);
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    if (typeof left === 'string' && typeof right === 'string')
      return sign * left.localeCompare(right, 'en', { numeric: true, sensitivity: 'base' });
    return sign * (left < right ? -1 : left > right ? 1 : 0);
  });
}

export function Table<Row>({
  columns,
  rows,
  rowKey,
  label,
  rowHref,
  sort = null,
  onSortChange,
  selected,
  onSelectedChange,
  rowLabel,
  empty,
  className,
}: TableProps<Row>) {
  const ordered = useMemo(() => sortRows(rows, columns, sort), [rows, columns, sort]);
  const list = useListKeys<HTMLTableElement>(rowHref !== undefined);
  // Beside a column that takes what is left, the others are as wide as what they say.
  const growing = columns.some((column) => column.grow);
  const selectable = selected !== undefined && onSelectedChange !== undefined;
  const keys = ordered.map(rowKey);
  const all = selectable && keys.length > 0 && keys.every((key) => selected.has(key));
  const some = selectable && !all && keys.some((key) => selected.has(key));
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
  return (
    <div className={cx('overflow-x-auto scroll-thin', className)}>
      <table ref={list} className="w-full border-collapse text-left text-sm">
        <caption className="sr-only">{label}</caption>
        <thead className="sticky top-0 z-20 bg-canvas">
          <tr>
            {selectable ? (
              <th scope="col" className="w-8 border-b border-line">
                <Checkbox
                  aria-label="Select all"
                  checked={all}
                  indeterminate={some}
                  onCheckedChange={(next) => onSelectedChange(new Set(next ? keys : []))}
                />
              </th>
            ) : null}
            {columns.map((column) => (
              <HeadCell key={column.id} column={column} sort={sort} onSortChange={onSortChange} />
            ))}
          </tr>
        </thead>
        <tbody>
          {ordered.map((row) => {
            const key = rowKey(row);
            const chosen = selectable && selected.has(key);
            return (
              <tr
                key={key}
                data-selected={chosen || undefined}
                className={cx(
                  'group/row relative h-row border-b border-line data-selected:bg-accent-soft',
                  rowHref !== undefined && 'hover:bg-hover has-[a[data-row]:focus-visible]:bg-hover',
                )}
              >
                {selectable ? (
                  <td className="relative z-10">
                    <Checkbox
                      aria-label={`Select ${rowLabel?.(row) ?? key}`}
                      checked={chosen}
                      onCheckedChange={(next) => {
                        const changed = new Set(selected);
                        if (next) changed.add(key);
                        else changed.delete(key);
                        onSelectedChange(changed);
                      }}
                    />
                  </td>
                ) : null}
                {columns.map((column, index) => (
                  <td
                    key={column.id}
                    className={cx(
                      'py-1 pr-4 align-middle last:pr-1',
                      index === 0 && 'pl-1',
                      column.align === 'right' && 'text-right',
                      column.grow ? 'w-full max-w-0 min-w-32' : growing && 'whitespace-nowrap',
                      column.hideBelow !== undefined && HIDE[column.hideBelow],
                    )}
                  >
                    {index === 0 && rowHref !== undefined ? (
                      <Link
                        href={rowHref(row)}
                        data-row
                        className="font-medium text-ink outline-none after:absolute after:inset-0 focus-visible:after:rounded-sm focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
                      >
                        {column.cell(row)}
                      </Link>
                    ) : (
                      column.cell(row)
                    )}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function HeadCell<Row>({
  column,
  sort,
  onSortChange,
}: {
  column: Column<Row>;
  sort: Sort | null;
  onSortChange: ((sort: Sort) => void) | undefined;
}) {
  const active = sort?.column === column.id;
  const sortable = column.sortBy !== undefined && onSortChange !== undefined;
  const toggle = (): void =>
    onSortChange?.({ column: column.id, order: active && sort.order === 'asc' ? 'desc' : 'asc' });
  const Arrow = active && sort.order === 'desc' ? ArrowDown : ArrowUp;
  return (
    <th
      scope="col"
      style={column.width === undefined ? undefined : { width: column.width }}
      aria-sort={active ? (sort.order === 'asc' ? 'ascending' : 'descending') : undefined}
      className={cx(
        'h-8 border-b border-line pr-4 text-xs font-medium whitespace-nowrap text-ink-3 first:pl-1 last:pr-1',
        column.align === 'right' && 'text-right',
        column.hideBelow !== undefined && HIDE[column.hideBelow],
      )}
    >
      {sortable ? (
        <button
          type="button"
          onClick={toggle}
          onKeyDown={(event: KeyboardEvent) => event.stopPropagation()}
          className={cx(
            'group inline-flex items-center gap-1 rounded-xs hover:text-ink',
            column.align === 'right' && 'flex-row-reverse',
          )}
        >
          <span className={column.hideHeader ? 'sr-only' : undefined}>{column.header}</span>
          <Arrow
            className={cx(
              'size-3',
              active ? 'text-ink' : 'opacity-0 group-hover:opacity-60 group-focus-visible:opacity-60',
            )}
            aria-hidden="true"
          />
        </button>
      ) : (
        <span className={column.hideHeader ? 'sr-only' : undefined}>{column.header}</span>
      )}
    </th>
  );
}
