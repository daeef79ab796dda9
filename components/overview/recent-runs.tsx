'use client';

import Link from 'next/link';
import { Section } from '#components/shell/page-head.tsx';
import { runState, runTitle } from '#components/shell/run-words.ts';
import { RelativeTime } from '#components/ui/figures.tsx';
import { StateMark } from '#components/ui/state.tsx';
import type { RunView } from '#lib/contracts/runs.ts';

export function RecentRuns({ runs }: { runs: readonly RunView[] }) {
  if (runs.length === 0) return null;
  return (
    <Section
      title="Recent runs"
      action={
        <Link href="/runs" className="text-sm text-accent hover:underline">
          All runs
        </Link>
      }
    >
      <ul className="border-t border-line">
        {runs.map((run) => {
          const { tone, word } = runState(run);
          return (
            <li
              key={run.id}
              className="relative flex h-row items-center gap-2.5 border-b border-line pl-1 text-sm hover:bg-hover"
            >
              <StateMark tone={tone} />
              <Link href={`/runs/${run.id}`} className="min-w-0 flex-1 truncate after:absolute after:inset-0">
                {runTitle(run)}
                {run.outcome === 'succeeded' ? (
                  <span className="sr-only">, {word.toLowerCase()}</span>
                ) : (
                  <span className="text-ink-2">, {word.toLowerCase()}</span>
                )}
              </Link>
              <span className="text-ink-3">
                <RelativeTime at={run.finishedAt ?? run.queuedAt} />
              </span>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
