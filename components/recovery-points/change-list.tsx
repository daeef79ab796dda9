'use client';

import { Minus, PenLine, Plus, Shuffle, SlidersHorizontal } from 'lucide-react';
import Link from 'next/link';
import { VirtualList } from '#components/ui/virtual-list.tsx';
import { formatBytes } from '#lib/client/format.ts';
import type { DiffView } from '#lib/contracts/recovery-points.ts';

export type Change = DiffView['changes'][number];

export const CHANGE_WORD: Record<Change['change'], string> = {
  added: 'Added',
  removed: 'Removed',
  modified: 'Changed',
  metadata: 'Only metadata',
  type: 'Other kind',
};

const MARK = {
  added: { Icon: Plus, className: 'text-good' },
  removed: { Icon: Minus, className: 'text-bad' },
  modified: { Icon: PenLine, className: 'text-accent' },
  metadata: { Icon: SlidersHorizontal, className: 'text-ink-3' },
  type: { Icon: Shuffle, className: 'text-warn' },
} as const;

/** Every change, as many as there are; a click shows the entry in the point that has it. */
export function ChangeList({ changes, toId, fromId }: { changes: readonly Change[]; toId: string; fromId: string }) {
  if (changes.length === 0)
    return <p className="border-t border-line py-8 text-center text-base text-ink-3">No change is like that.</p>;
  return (
    <VirtualList
      label="Changes"
      count={changes.length}
      className="h-[max(20rem,calc(100dvh-24rem))] border-t border-line"
      renderRow={(index) => {
        const change = changes[index];
        return change === undefined ? null : (
          <Row change={change} pointId={change.change === 'removed' ? fromId : toId} />
        );
      }}
    />
  );
}

function Row({ change, pointId }: { change: Change; pointId: string }) {
  const { Icon, className } = MARK[change.change];
  const cut = change.path.lastIndexOf('/');
  const folder = change.path.slice(0, cut) || '/';
  const name = change.path.slice(cut + 1);
  return (
    <div className="flex h-9 items-center gap-2.5 border-b border-line pr-2 text-sm">
      <Icon className={`size-4 shrink-0 ${className}`} aria-hidden="true" />
      <span className="w-28 shrink-0 whitespace-nowrap text-ink-2 max-sm:sr-only">{CHANGE_WORD[change.change]}</span>
      <Link
        href={`/recovery-points/${pointId}?path=${encodeURIComponent(folder)}&find=${encodeURIComponent(name)}`}
        title={change.path}
        className="flex min-w-0 flex-1 font-mono text-xs hover:underline"
      >
        <span className="truncate text-ink-3">{folder === '/' ? '/' : `${folder}/`}</span>
        <span className="max-w-[75%] shrink-0 truncate">{name}</span>
      </Link>
      <span className="shrink-0 text-xs text-ink-2 tabular">{sizes(change)}</span>
    </div>
  );
}

function sizes({ change, sizeBefore, sizeAfter, type }: Change): string {
  if (type === 'dir') return '';
  if (change === 'added') return sizeAfter === undefined ? '' : `+${formatBytes(sizeAfter)}`;
  if (change === 'removed') return sizeBefore === undefined ? '' : `−${formatBytes(sizeBefore)}`;
  if (sizeBefore === undefined || sizeAfter === undefined || sizeBefore === sizeAfter) return '';
  return `${formatBytes(sizeBefore)} → ${formatBytes(sizeAfter)}`;
}
