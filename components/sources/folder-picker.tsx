'use client';

import { useQuery } from '@tanstack/react-query';
import { CornerLeftUp, Folder, FolderPlus, FolderX, Lock } from 'lucide-react';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { Checkbox } from '#components/ui/choice.tsx';
import { cx } from '#components/ui/cx.ts';
import { ErrorState } from '#components/ui/error-state.tsx';
import { Field } from '#components/ui/field.tsx';
import { Input } from '#components/ui/input.tsx';
import { Skeleton } from '#components/ui/skeleton.tsx';
import { toApiError } from '#lib/client/api.ts';
import { formatBytes, formatPlural } from '#lib/client/format.ts';
import { foldersQuery } from '#lib/client/queries/workers.ts';
import { baseName, parentOf, splitTyped, tidyPath } from './folder-path.ts';

const TYPING_PAUSE_MS = 150;

export interface FolderPickerProps {
  /** The worker whose machine is looked at. */
  workerId: string;
  value: string;
  onChange: (path: string) => void;
  /** existing: a folder that is there, to be read. new: one to be written, which may not exist yet. */
  mode?: 'existing' | 'new';
  label: string;
  hint?: string;
  error?: string | undefined;
  autoFocus?: boolean;
}

interface Choice {
  name: string;
  path: string;
  readable: boolean;
  up: boolean;
}

/**
 * A path box and the folders it stands in, read by the worker as one types: arrows choose, Enter goes in, Alt-Up goes out.
 * What stands in the box is the answer, so a path can also be pasted.
 */
export function FolderPicker(props: FolderPickerProps) {
  const { workerId, value, onChange, mode = 'existing', label, hint, error, autoFocus } = props;
  const listId = useId();
  const [hidden, setHidden] = useState(false);
  const [active, setActive] = useState(-1);
  // Picked with the list: show its inside. Typed: show where it stands, narrowed by what was typed.
  const [entered, setEntered] = useState(tidyPath(value));
  const typed = splitTyped(value);
  const inside = value !== '' && tidyPath(value) === entered;
  const folder = useSettled(inside ? entered : value === '' ? '/' : typed.folder);
  const prefix = inside || value === '' ? '' : typed.prefix.toLowerCase();
  const listing = useQuery(foldersQuery(workerId, folder, hidden || prefix.startsWith('.')));
  const list = useRef<HTMLDivElement>(null);
  const missing = listing.data?.exists === false;

  const all = listing.data?.folders ?? [];
  const shown = prefix === '' ? all : all.filter((one) => one.name.toLowerCase().startsWith(prefix));
  const choices: Choice[] = [
    ...(folder === '/' ? [] : [{ name: '..', path: parentOf(folder), readable: true, up: true }]),
    ...shown.map((one) => ({ ...one, up: false })),
  ];

  const enter = (choice: Choice) => {
    setEntered(choice.path);
    setActive(-1);
    onChange(choice.path);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowUp' && event.altKey) {
      event.preventDefault();
      enter({ name: '..', path: parentOf(value), readable: true, up: true });
      return;
    }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setActive((now) => Math.max(-1, Math.min(choices.length - 1, now + step)));
      return;
    }
    if (event.key === 'Escape' && active >= 0) {
      event.preventDefault();
      event.stopPropagation();
      setActive(-1);
      return;
    }
    if (event.key === 'Enter' && !event.ctrlKey && !event.metaKey) {
      const chosen = choices[active];
      if (chosen !== undefined) {
        event.preventDefault();
        enter(chosen);
      }
    }
  };

  useEffect(() => {
    if (active >= 0) list.current?.querySelector('[data-active]')?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  return (
    <div className="flex flex-col gap-1.5">
      <Field label={label} hint={hint} error={error}>
        <Input
          mono
          role="combobox"
          aria-expanded="true"
          aria-controls={listId}
          aria-autocomplete="list"
          aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
          autoFocus={autoFocus}
          value={value}
          placeholder="/"
          onChange={(event) => {
            setActive(-1);
            const next = event.target.value;
            setEntered(next.endsWith('/') ? tidyPath(next) : '');
            onChange(next);
          }}
          onBlur={() => {
            const tidy = tidyPath(value);
            if (tidy !== value) onChange(tidy);
          }}
          onKeyDown={onKeyDown}
        />
      </Field>
      <div className="rounded-md border border-line">
        <div
          ref={list}
          className={cx('h-52 overflow-y-auto p-1 scroll-thin', listing.isPlaceholderData && 'opacity-60')}
        >
          {listing.isPending ? <PickerSkeleton /> : null}
          {listing.isError ? <PickerError error={listing.error} onRetry={() => void listing.refetch()} /> : null}
          {missing ? <MissingFolder folder={listing.data?.path ?? folder} mode={mode} /> : null}
          <div
            id={listId}
            role="listbox"
            aria-label={`Folders in ${folder}`}
            aria-busy={listing.isFetching}
            tabIndex={0}
            onKeyDown={onKeyDown}
            aria-activedescendant={active >= 0 ? `${listId}-${active}` : undefined}
          >
            {choices.map((choice, index) => (
              <FolderOption
                key={choice.up ? '..' : choice.path}
                id={`${listId}-${index}`}
                choice={choice}
                active={index === active}
                picked={!choice.up && choice.path === tidyPath(value)}
                onPick={() => enter(choice)}
              />
            ))}
          </div>
          {listing.isSuccess && !missing && shown.length === 0 ? (
            <p className="px-2 py-2 text-sm text-ink-3">
              {prefix === '' ? 'No folders in here.' : `No folder in ${folder} begins with “${typed.prefix}”.`}
            </p>
          ) : null}
        </div>
        <div className="flex flex-wrap items-center justify-between gap-x-4 border-t border-line px-2 text-xs text-ink-3">
          <span aria-live="polite" className="min-w-0 truncate py-1.5">
            {listing.data === undefined || missing ? (
              ' '
            ) : (
              <>
                <span className="font-mono text-ink-2">{folder}</span>
                {` · ${formatPlural(all.length, 'folder')}${listing.data.truncated ? ' (the first ones)' : ''}, ${formatPlural(listing.data.files, 'file')}`}
                {mode === 'new' && listing.data.freeBytes !== undefined
                  ? ` · ${formatBytes(listing.data.freeBytes)} free`
                  : ''}
              </>
            )}
          </span>
          <Checkbox checked={hidden} onCheckedChange={setHidden} label={<span className="text-xs">Hidden</span>} />
        </div>
      </div>
      {mode === 'new' ? (
        <NewFolderNote
          value={value}
          inside={inside}
          folder={folder}
          names={all.map((one) => one.name)}
          listing={missing ? undefined : listing.data}
        />
      ) : null}
    </div>
  );
}

function FolderOption({
  id,
  choice,
  active,
  picked,
  onPick,
}: {
  id: string;
  choice: Choice;
  active: boolean;
  picked: boolean;
  onPick: () => void;
}) {
  const Icon = choice.up ? CornerLeftUp : choice.readable ? Folder : Lock;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the box that owns the list
    <div
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={active || picked}
      aria-disabled={!choice.readable}
      data-active={active || undefined}
      onClick={() => {
        if (choice.readable) onPick();
      }}
      className={cx(
        'flex h-7 pointer-coarse:h-11 items-center gap-2 rounded-sm px-2 text-sm [content-visibility:auto] [contain-intrinsic-size:auto_28px]',
        active ? 'bg-press' : 'hover:bg-hover',
        choice.readable ? 'cursor-pointer text-ink' : 'text-ink-3',
      )}
    >
      <Icon className="size-4 shrink-0 text-ink-3" aria-hidden="true" />
      <span className="truncate">{choice.up ? `Up to ${choice.path}` : choice.name}</span>
      {choice.readable ? null : <span className="ml-auto shrink-0 text-xs">the worker may not read it</span>}
    </div>
  );
}

/** Says what the path in the box will mean once it is used. */
function NewFolderNote({
  value,
  inside,
  folder,
  names,
  listing,
}: {
  value: string;
  inside: boolean;
  folder: string;
  names: readonly string[];
  listing: { writable: boolean } | undefined;
}) {
  if (value === '' || listing === undefined) return null;
  const name = baseName(value);
  const exists = inside || name === '' || names.includes(name);
  if (exists && !listing.writable && inside)
    return <p className="text-xs text-warn">The worker may not write into {folder}.</p>;
  if (exists) return null;
  return (
    <p className={cx('flex items-center gap-1.5 text-xs', listing.writable ? 'text-ink-2' : 'text-warn')}>
      <FolderPlus className="size-3.5 shrink-0" aria-hidden="true" />
      {listing.writable
        ? `“${name}” does not exist in ${folder} yet; it will be made.`
        : `“${name}” does not exist, and the worker may not write into ${folder}.`}
    </p>
  );
}

function PickerError({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const facts = toApiError(error);
  return (
    <ErrorState
      compact
      error={{ title: facts.detail, hint: facts.hint, code: facts.code, requestId: facts.requestId }}
      onRetry={onRetry}
    />
  );
}

/** One that is to be written is made; one that is to be read is a slip of the pen, or a disk that is not mounted. */
function MissingFolder({ folder, mode }: { folder: string; mode: 'existing' | 'new' }) {
  const Icon = mode === 'new' ? FolderPlus : FolderX;
  return (
    <p className={cx('flex items-start gap-2 px-2 py-1.5 text-sm', mode === 'new' ? 'text-ink-2' : 'text-warn')}>
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden="true" />
      <span className="min-w-0 wrap-anywhere">
        {mode === 'new'
          ? `${folder} does not exist yet; it will be made.`
          : `${folder} does not exist on this machine. Check the path, or mount the disk or share it is on.`}
      </span>
    </p>
  );
}

function PickerSkeleton() {
  return (
    <div className="flex flex-col gap-3 p-2">
      {['w-32', 'w-24', 'w-40', 'w-28', 'w-36'].map((width) => (
        <Skeleton key={width} className={cx('h-3', width)} />
      ))}
    </div>
  );
}

/** The value once it has not changed for a moment: each is a question to another machine. */
function useSettled(value: string): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
