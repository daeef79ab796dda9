'use client';

import { CornerLeftUp, Search } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { LoadError } from '#components/shell/load-error.tsx';
import { cx } from '#components/ui/cx.ts';
import { IconButton } from '#components/ui/icon-button.tsx';
import { Input } from '#components/ui/input.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { toApiError } from '#lib/client/api.ts';
import { formatCount, formatPlural } from '#lib/client/format.ts';
import type { EntryOrder } from '#lib/client/queries/recovery-points.ts';
import type { EntryView } from '#lib/contracts/recovery-points.ts';
import { Crumbs } from './crumbs.tsx';
import { EntryPanel } from './entry-panel.tsx';
import { FileGrid } from './file-grid.tsx';
import { LeftOutNotice } from './left-out-notice.tsx';
import { type Selection, toggled, withAll } from './selection.ts';
import { useEntries } from './use-entries.ts';

const TYPING_PAUSE_MS = 200;
const ROW_PX = 36;
const TOUCH_ROW_PX = 44;

export type Place = EntryOrder;

export interface FileBrowserProps {
  pointId: string;
  place: Place;
  /** A folder is somewhere one can go back from; sorting and typing are not. */
  onPlace: (change: Partial<Place>, going: boolean) => void;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  /** For what is chosen, or for the folder when nothing is. */
  actions: ReactNode;
  /** Beside the list: facts of the entry under the cursor. Off in a dialog. */
  panel?: boolean;
  className?: string;
}

/** A recovery point as a file manager. */
export function FileBrowser(props: FileBrowserProps) {
  const { pointId, place, onPlace, selection, onSelection } = props;
  const { head, count, at, onRange, failed } = useEntries(pointId, place);
  const [cursor, setCursor] = useState(0);
  const anchor = useRef(0);
  const rowHeight = useRowHeight();
  const folder = head.data?.path ?? place.path;
  const grid = useRef<HTMLDivElement>(null);

  const go = (path: string) => {
    setCursor(0);
    onPlace({ path, search: undefined }, true);
  };
  const up = () => {
    if (place.path !== '/') go(place.path.slice(0, place.path.lastIndexOf('/')) || '/');
  };
  const open = (entry: EntryView) => {
    if (entry.type === 'dir') go(entry.path);
  };
  const toggle = (entry: EntryView, index: number, upTo: boolean) => {
    if (!upTo) {
      anchor.current = index;
      onSelection(toggled(selection, entry));
      return;
    }
    const [from, to] = anchor.current < index ? [anchor.current, index] : [index, anchor.current];
    const between: EntryView[] = [];
    for (let row = from; row <= to; row += 1) {
      const one = at(row);
      if (one !== undefined) between.push(one);
    }
    onSelection(withAll(selection, between));
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another folder or order starts at its top
  useEffect(() => {
    grid.current?.querySelector<HTMLElement>('[data-files]')?.scrollTo({ top: 0 });
  }, [place.path, place.search, place.sort, place.order]);

  // A row may be clicked while the rows of a narrower search are on their way: the cursor then lies behind their end.
  const shownCursor = Math.min(cursor, count - 1);
  const shown = at(shownCursor);
  return (
    <div ref={grid} className={cx('flex min-h-0 flex-col', props.className)}>
      <div className="flex flex-wrap items-center gap-x-2 gap-y-1.5 pb-2">
        <IconButton
          size="sm"
          label="Up"
          shortcut="Backspace"
          disabled={place.path === '/'}
          icon={<CornerLeftUp aria-hidden="true" />}
          onClick={up}
        />
        <Crumbs path={place.path} onGo={go} />
        <Filter
          key={place.path}
          value={place.search ?? ''}
          onChange={(search) => {
            setCursor(0);
            onPlace({ search: search === '' ? undefined : search }, false);
          }}
        />
      </div>
      <div className="flex min-h-9 flex-wrap items-center gap-2 border-y border-line py-1" data-print="none">
        {props.actions}
        <span className="ml-auto text-xs text-ink-3 tabular" aria-live="polite">
          {head.data === undefined
            ? ''
            : place.search === undefined
              ? formatPlural(head.data.total, 'entry', 'entries')
              : `${formatCount(head.data.matching)} of ${formatPlural(head.data.total, 'entry', 'entries')}`}
        </span>
      </div>
      {head.isError && head.data === undefined ? (
        <div className="py-4">
          <LoadError
            compact
            error={head.error}
            what={toApiError(head.error).status === 404 ? undefined : `${place.path} could not be read.`}
            onRetry={() => void head.refetch()}
            retrying={head.isFetching}
          />
        </div>
      ) : (
        <div className="flex min-h-0 flex-1">
          <div className={cx('flex min-w-0 flex-1 flex-col', head.isPlaceholderData && 'opacity-60')}>
            {failed === undefined ? null : (
              <LoadError compact error={failed.error} onRetry={() => void failed.refetch()} />
            )}
            {head.data === undefined ? null : <LeftOutNotice problems={head.data.problems} of="this list" />}
            {head.isPending ? (
              <GridSkeleton />
            ) : count === 0 ? (
              <p className="px-3 py-8 text-center text-base text-ink-3">
                {place.search === undefined
                  ? 'This folder is empty.'
                  : `Nothing in ${folder} has “${place.search}” in its name.`}
              </p>
            ) : (
              <FileGrid
                label={`Entries of ${folder}`}
                count={count}
                at={at}
                onRange={onRange}
                rowHeight={rowHeight}
                sort={place.sort}
                order={place.order}
                onSort={(sort, order) => {
                  setCursor(0);
                  onPlace({ sort, order }, false);
                }}
                cursor={shownCursor}
                onCursor={setCursor}
                onOpen={open}
                onUp={up}
                selected={selection}
                onToggle={toggle}
                className="min-h-0 flex-1"
              />
            )}
          </div>
          {props.panel && shown !== undefined ? (
            <div className="w-72 shrink-0 overflow-y-auto border-l border-line pl-4 max-lg:hidden">
              <EntryPanel pointId={pointId} entry={shown} />
            </div>
          ) : null}
        </div>
      )}
    </div>
  );
}

function Filter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const change = useRef(onChange);
  useEffect(() => {
    change.current = onChange;
  });
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => change.current(text), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <div className="w-full sm:w-56">
      <Input
        type="search"
        data-search
        aria-label="Filter this folder"
        placeholder="Filter this folder"
        lead={<Search />}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowDown' || event.key === 'Enter') {
            event.preventDefault();
            document.querySelector<HTMLElement>('[data-files]')?.focus();
          }
          if (event.key === 'Escape' && text !== '') {
            event.stopPropagation();
            setText('');
          }
        }}
      />
    </div>
  );
}

function useRowHeight(): number {
  const [height, setHeight] = useState(ROW_PX);
  useEffect(() => {
    const coarse = window.matchMedia('(pointer: coarse)');
    const follow = () => setHeight(coarse.matches ? TOUCH_ROW_PX : ROW_PX);
    follow();
    coarse.addEventListener('change', follow);
    return () => coarse.removeEventListener('change', follow);
  }, []);
  return height;
}

function GridSkeleton() {
  return (
    <div role="status" aria-label="Reading the folder" className="flex flex-col">
      <div className="h-8 border-b border-line" />
      {['w-40', 'w-56', 'w-32', 'w-48', 'w-64', 'w-36', 'w-44', 'w-28'].map((width) => (
        <div key={width} className="flex h-9 items-center gap-3 border-b border-line px-3">
          <Skeleton className="size-4" />
          <Skeleton className={cx('h-3', width)} />
        </div>
      ))}
    </div>
  );
}
