'use client';

import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDownToLine } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { CopyButton } from '#components/ui/copy.tsx';
import { cx } from '#components/ui/cx.ts';
import { Segmented } from '#components/ui/segmented.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { StateMark } from '#components/ui/state.tsx';
import { oneOf, useUrlState } from '#components/ui/use-url-state.ts';
import { formatInstant, formatPlural } from '#lib/client/format.ts';
import { linesOf, runLogQuery } from '#lib/client/queries/runs.ts';
import type { RunLogLine, RunView } from '#lib/contracts/runs.ts';

const LEVELS = ['all', 'warn', 'error'] as const;
const LINE_PX = 24;
const OVERSCAN_LINES = 20;
const LOG_LEAST_PX = 112;
const LOG_MOST_PX = 380;
/** Nearer to the end than this still counts as "at the end". */
const AT_END_PX = 40;

const TONE = { info: undefined, warn: 'warn', error: 'bad' } as const;

/** The log, following its end as long as the person stands there. Only the lines in sight exist. */
export function RunLog({ run }: { run: RunView }) {
  const url = useUrlState();
  const level = oneOf(url.get('level'), LEVELS, 'all');
  const query = useQuery(runLogQuery(run.id));
  const all = query.data?.lines ?? [];
  const lines = linesOf(all, level);
  const [following, setFollowing] = useState(true);
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: OVERSCAN_LINES,
    getItemKey: (index) => lines[index]?.id ?? index,
  });
  const count = lines.length;
  useEffect(() => {
    if (following && count > 0) virtual.scrollToIndex(count - 1, { align: 'end' });
  }, [following, count, virtual]);

  return (
    <div className="flex flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        <Segmented
          label="Lines to show"
          value={level}
          onValueChange={(next) => url.set({ level: next === 'all' ? null : next })}
          options={[
            { value: 'all', label: 'All' },
            { value: 'warn', label: 'Warnings' },
            { value: 'error', label: 'Errors' },
          ]}
        />
        <span className="flex-1 text-xs text-ink-3 tabular">{formatPlural(lines.length, 'line')}</span>
        {run.state === 'finished' || following ? null : (
          <Button size="sm" icon={<ArrowDownToLine aria-hidden="true" />} onClick={() => setFollowing(true)}>
            Follow
          </Button>
        )}
        <CopyButton text={lines.map(lineText).join('\n')} label="Copy these lines" />
      </div>
      {query.isError && all.length === 0 ? (
        <LoadError
          compact
          error={query.error}
          what="The log could not be read."
          onRetry={() => void query.refetch()}
          retrying={query.isFetching}
        />
      ) : (
        <section
          ref={scroller}
          aria-label="Log"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          tabIndex={0}
          onScroll={(event) => {
            const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
            setFollowing(scrollHeight - scrollTop - clientHeight < AT_END_PX);
          }}
          style={{ height: Math.min(LOG_MOST_PX, Math.max(LOG_LEAST_PX, virtual.getTotalSize() + 10)) }}
          className="overflow-auto rounded-md border border-line bg-sunken font-mono text-xs scroll-thin"
        >
          {query.isPending ? <LogSkeleton /> : null}
          {query.isSuccess && lines.length === 0 ? (
            <p className="px-3 py-2 font-sans text-sm text-ink-3">
              {all.length > 0
                ? 'No line of this level.'
                : run.state === 'finished'
                  ? 'This run wrote no log.'
                  : 'Lines show here as the worker writes them.'}
            </p>
          ) : null}
          <div className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const line = lines[item.index];
              if (line === undefined) return null;
              return (
                <div
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className="absolute inset-x-0 top-0 flex gap-2.5 px-3 py-1 leading-4"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <Line line={line} />
                </div>
              );
            })}
          </div>
        </section>
      )}
    </div>
  );
}

function Line({ line }: { line: RunLogLine }) {
  const tone = TONE[line.level];
  const path = detailText(line);
  return (
    <>
      <time dateTime={line.at} title={formatInstant(Date.parse(line.at))} className="shrink-0 text-ink-3 tabular">
        {clock(line.at)}
      </time>
      <span className="flex h-4 w-2.5 shrink-0 items-center">
        {tone === undefined ? null : <StateMark tone={tone} className="size-2" />}
      </span>
      <span
        className={cx(
          'min-w-0 [overflow-wrap:anywhere]',
          tone === 'bad' ? 'text-bad' : tone === 'warn' ? 'text-warn' : 'text-ink',
        )}
      >
        {tone === undefined ? null : <span className="sr-only">{tone === 'bad' ? 'Error: ' : 'Warning: '}</span>}
        {line.message}
        {path === '' ? null : <span className="text-ink-2"> {path}</span>}
      </span>
    </>
  );
}

/** Details that are not in the sentence already. */
function detailText(line: RunLogLine): string {
  return Object.entries(line.detail ?? {})
    .filter(
      ([, value]) => (typeof value === 'string' || typeof value === 'number') && !line.message.includes(`${value}`),
    )
    .map(([name, value]) => (name === 'path' ? `${value}` : `${name}: ${value}`))
    .join(' · ');
}

function lineText(line: RunLogLine): string {
  return [line.at, line.level.padEnd(5), line.message, detailText(line)].filter((part) => part !== '').join(' ');
}

const clockFormat = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function clock(at: string): string {
  return clockFormat.format(Date.parse(at));
}

function LogSkeleton() {
  return (
    <div className="flex flex-col gap-3 p-3">
      {['w-64', 'w-80', 'w-56', 'w-72'].map((width) => (
        <Skeleton key={width} className={cx('h-2.5 max-w-full', width)} />
      ))}
    </div>
  );
}
