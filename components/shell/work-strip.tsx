'use client';

import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { ChevronDown, ChevronUp } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { ProgressBar } from '#components/ui/progress.tsx';
import { StateMark, type Tone } from '#components/ui/state.tsx';
import { notify } from '#components/ui/toast.tsx';
import { formatEta, formatPercent, formatRate } from '#lib/client/format.ts';
import { runQuery } from '#lib/client/queries/runs.ts';
import { useActiveRuns } from '#lib/client/use-run-events.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import { runDoing, runShare, runState, runTitle } from './run-words.ts';

const SHOWN = 3;

/** Running work, bottom right on every page: name, bar, rate, time left. A click opens the run. */
export function WorkStrip() {
  const pathname = usePathname();
  const runs = useActiveRuns().filter((run) => run.state !== 'finished');
  const shown = runs.filter((run) => pathname !== `/runs/${run.id}`);
  const [open, setOpen] = useState(false);
  // Where the screen is narrow it would cover the page: one line until it is opened.
  useEffect(() => setOpen(window.matchMedia('(min-width: 768px)').matches), []);
  const box = useRef<HTMLElement>(null);

  // Toasts and the end of the page stay clear of it.
  const height = shown.length === 0 ? 0 : open ? Math.min(shown.length, SHOWN + 1) : 1;
  useEffect(() => {
    const root = document.documentElement;
    root.style.setProperty('--strip', height === 0 ? '0px' : `${(box.current?.offsetHeight ?? 0) + 12}px`);
    return () => {
      root.style.removeProperty('--strip');
    };
  }, [height]);

  return (
    <>
      <Announcer runs={runs} at={pathname} />
      {shown.length === 0 ? null : (
        <aside
          ref={box}
          aria-label="Running work"
          data-print="none"
          className="fixed right-3 bottom-[calc(3.5rem+env(safe-area-inset-bottom)+0.5rem)] left-3 z-30 rounded-md bg-raised shadow-float sm:left-auto sm:w-80 md:bottom-3"
        >
          <button
            type="button"
            aria-expanded={open}
            onClick={() => setOpen((now) => !now)}
            className="flex h-8 pointer-coarse:h-11 w-full items-center gap-2 rounded-md px-3 text-xs text-ink-2 hover:text-ink focus-visible:-outline-offset-2"
          >
            {open ? null : <StateMark tone={toneOf(shown)} />}
            <span className="min-w-0 flex-1 truncate text-left">{open ? counted(shown.length) : inOneLine(shown)}</span>
            {open ? (
              <ChevronDown className="size-3.5" aria-hidden="true" />
            ) : (
              <ChevronUp className="size-3.5" aria-hidden="true" />
            )}
          </button>
          {open ? (
            <ul>
              {shown.slice(0, SHOWN).map((run) => (
                <li key={run.id} className="border-t border-line">
                  <Work run={run} />
                </li>
              ))}
              {shown.length > SHOWN ? (
                <li className="border-t border-line">
                  <Link href="/runs?state=running" className="block px-3 py-1.5 text-xs text-ink-2 hover:text-ink">
                    and {shown.length - SHOWN} more
                  </Link>
                </li>
              ) : null}
            </ul>
          ) : null}
        </aside>
      )}
    </>
  );
}

function counted(runs: number): string {
  return runs === 1 ? '1 run under way' : `${runs} runs under way`;
}

/** What runs counts; where nothing does, the one that is worst off. */
function toneOf(runs: readonly RunView[]): Tone {
  const tones = runs.map((run) => runState(run).tone);
  return (['run', 'warn', 'idle'] as const).find((tone) => tones.includes(tone)) ?? 'run';
}

function inOneLine(runs: readonly RunView[]): string {
  const [only, ...others] = runs;
  if (only === undefined || others.length > 0) return counted(runs.length);
  if (only.state === 'queued') return `${runTitle(only)}, waiting`;
  const share = runShare(only.progress);
  return share === null ? runDoing(only) : `${runDoing(only)}, ${formatPercent(share)}`;
}

function Work({ run }: { run: RunView }) {
  const share = runShare(run.progress);
  const waiting = run.state === 'queued';
  return (
    <Link href={`/runs/${run.id}`} className="block px-3 py-2 hover:bg-hover focus-visible:-outline-offset-2">
      <span className="flex items-center gap-2">
        <StateMark tone={runState(run).tone} />
        <span className="min-w-0 flex-1 truncate text-sm font-medium">{runDoing(run)}</span>
        <span className="text-xs text-ink-2 tabular">
          {waiting ? 'Waiting' : share === null ? '' : formatPercent(share)}
        </span>
      </span>
      {waiting ? null : (
        <>
          <ProgressBar value={share} label={`Progress of ${runDoing(run)}`} size="sm" className="my-1.5" />
          <span className="flex justify-between text-xs text-ink-3 tabular">
            <span>
              {run.cancelRequested ? 'Stopping' : run.progress === null ? 'Starting' : formatRate(run.progress.rate)}
            </span>
            <span>{run.progress?.eta === undefined ? '' : `${formatEta(run.progress.eta)} left`}</span>
          </span>
        </>
      )}
    </Link>
  );
}

/**
 * Starts are read out, ends are shown wherever the person is by then. Progress is neither: it would never be silent.
 */
function Announcer({ runs, at }: { runs: readonly RunView[]; at: string }) {
  const client = useQueryClient();
  const known = useRef<ReadonlySet<string> | null>(null);
  const page = useRef(at);
  const [said, setSaid] = useState('');
  useEffect(() => {
    page.current = at;
  }, [at]);
  const key = runs.map((run) => run.id).join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the set of runs counts, not their progress
  useEffect(() => {
    const now = new Set(runs.map((run) => run.id));
    const before = known.current;
    known.current = now;
    if (before === null) return;
    const started = runs.filter((run) => !before.has(run.id));
    if (started.length > 0) setSaid(started.map((run) => `${runDoing(run)}.`).join(' '));
    for (const id of before) if (!now.has(id)) void tellEnd(client, id, page);
  }, [key]);
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}

async function tellEnd(client: QueryClient, id: string, page: RefObject<string>): Promise<void> {
  try {
    const run = await client.fetchQuery({ ...runQuery(id), staleTime: 0 });
    if (run.state !== 'finished' || page.current === `/runs/${id}`) return;
    const { tone, word } = runState(run);
    notify({
      tone,
      title: `${runTitle(run)} ${word === 'Warning' ? 'ended with a warning' : word.toLowerCase()}`,
      ...(run.error === null ? {} : { description: run.error.message }),
      action: { label: 'Open the run', href: `/runs/${id}` },
    });
  } catch {
    // The lists say how it ended; this was only the news of it.
  }
}
