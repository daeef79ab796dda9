import { cx } from './cx.ts';

/** A grey shape where something will be. Give it the size of what comes. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden="true" className={cx('block animate-skeleton rounded-sm bg-press', className)} />;
}

const WIDTHS = ['w-40', 'w-52', 'w-36', 'w-48', 'w-44'];

export function TableSkeleton({ rows = 5, columns = 4, label }: { rows?: number; columns?: number; label: string }) {
  return (
    <div role="status" aria-label={label}>
      <div className="h-8 border-b border-line" />
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
        <div key={row} className="flex h-row items-center gap-6 border-b border-line">
          <Skeleton className={cx('h-3', WIDTHS[row % WIDTHS.length])} />
          {Array.from({ length: columns - 1 }, (_, column) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: identical placeholders
            <Skeleton key={column} className="hidden h-3 w-20 sm:block" />
          ))}
        </div>
      ))}
    </div>
  );
}
