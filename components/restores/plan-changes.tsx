'use client';

import { Ban, Minus, PenLine, Plus } from 'lucide-react';
import { useState } from 'react';
import { Segmented } from '#components/ui/segmented.tsx';
import { VirtualList } from '#components/ui/virtual-list.tsx';
import { formatBytes, formatCount } from '#lib/client/format.ts';
import type { Summary } from './restore-words.ts';

type Action = Summary['changes'][number]['action'];

const ACTION = {
  overwrite: { word: 'Overwrite', Icon: PenLine, className: 'text-warn' },
  create: { word: 'Create', Icon: Plus, className: 'text-good' },
  keep: { word: 'Keep', Icon: Minus, className: 'text-ink-3' },
  unsupported: { word: 'Cannot', Icon: Ban, className: 'text-bad' },
} as const satisfies Record<Action, unknown>;

const ORDER: readonly Action[] = ['overwrite', 'create', 'keep', 'unsupported'];
const LIST_ROWS = 9;

/** The list of changes itself, the dangerous ones first. */
export function PlanChanges({ summary }: { summary: Summary }) {
  const count: Record<Action, number> = {
    overwrite: summary.overwrite.count,
    create: summary.create.count,
    keep: summary.keep.count,
    unsupported: summary.unsupported.count,
  };
  const present = ORDER.filter((action) => count[action] > 0);
  const [picked, setPicked] = useState<Action | 'all'>('all');
  const shown =
    picked === 'all'
      ? ORDER.flatMap((action) => summary.changes.filter((change) => change.action === action))
      : summary.changes.filter((change) => change.action === picked);
  const total = picked === 'all' ? present.reduce((sum, action) => sum + count[action], 0) : count[picked];
  if (present.length === 0) return null;
  return (
    <section aria-label="Changes">
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <Segmented
          label="Changes to show"
          value={picked}
          onValueChange={setPicked}
          options={[
            { value: 'all', label: 'All' },
            ...present.map((value) => ({ value, label: `${ACTION[value].word} ${formatCount(count[value])}` })),
          ]}
        />
        {shown.length < total ? (
          <span className="text-xs text-ink-3">
            the first {formatCount(shown.length)} of {formatCount(total)}
          </span>
        ) : null}
      </div>
      <div style={{ height: Math.min(LIST_ROWS, Math.max(1, shown.length)) * 36 + 1 }} className="border-t border-line">
        <VirtualList
          label="Changes"
          className="h-full"
          count={shown.length}
          renderRow={(index) => {
            const change = shown[index];
            if (change === undefined) return null;
            const { word, Icon, className } = ACTION[change.action];
            return (
              <div className="flex h-9 items-center gap-2.5 border-b border-line pr-2 text-sm">
                <Icon className={`size-4 shrink-0 ${className}`} aria-hidden="true" />
                <span className="w-20 shrink-0 text-ink-2">{word}</span>
                <span className="min-w-0 flex-1 truncate font-mono text-xs" title={change.target}>
                  {change.target}
                </span>
                <span className="shrink-0 truncate text-xs text-ink-3 max-sm:hidden">{change.reason}</span>
                <span className="shrink-0 text-xs text-ink-2 tabular">
                  {change.type === 'file' ? formatBytes(change.size) : ''}
                </span>
              </div>
            );
          }}
        />
      </div>
    </section>
  );
}
