'use client';

import { X } from 'lucide-react';
import { useState } from 'react';
import { FileBrowser, type Place } from '#components/recovery-points/file-browser.tsx';
import { NOTHING, outermost, type Selection } from '#components/recovery-points/selection.ts';
import { Button } from '#components/ui/button.tsx';
import { RadioGroup } from '#components/ui/choice.tsx';
import { Dialog } from '#components/ui/dialog.tsx';
import { IconButton } from '#components/ui/icon-button.tsx';
import { formatBytes, formatPlural } from '#lib/client/format.ts';
import type { RecoveryPointDetail } from '#lib/contracts/recovery-points.ts';

const SHOWN_PATHS = 100;

export function WhatStep({
  point,
  include,
  onInclude,
  onNext,
}: {
  point: RecoveryPointDetail;
  include: readonly string[];
  onInclude: (paths: string[]) => void;
  onNext: () => void;
}) {
  const [mode, setMode] = useState<'all' | 'some'>(include.length === 0 ? 'all' : 'some');
  const [choosing, setChoosing] = useState(false);
  const some = mode === 'some' || include.length > 0;
  return (
    <div className="flex flex-col gap-5">
      <RadioGroup
        label="What to restore"
        value={some ? 'some' : 'all'}
        onValueChange={(next) => {
          setMode(next === 'some' ? 'some' : 'all');
          if (next === 'all') onInclude([]);
          else if (include.length === 0) setChoosing(true);
        }}
        options={[
          {
            value: 'all',
            label: 'Everything',
            hint: `${formatPlural(point.files, 'file')}, ${formatBytes(point.bytes)}`,
          },
          { value: 'some', label: 'Chosen files and folders', hint: 'A chosen folder brings all that is in it.' },
        ]}
      />
      {some ? (
        <section aria-label="Chosen files and folders">
          {include.length === 0 ? (
            <p className="border-t border-line py-3 text-base text-ink-3">Nothing is chosen yet.</p>
          ) : (
            <ul className="max-h-72 overflow-y-auto border-t border-line scroll-thin">
              {include.slice(0, SHOWN_PATHS).map((path) => (
                <li key={path} className="flex min-h-row items-center gap-2 border-b border-line pl-1">
                  <span className="min-w-0 flex-1 py-1 font-mono text-xs [overflow-wrap:anywhere]">{path}</span>
                  <IconButton
                    size="sm"
                    label={`Leave out ${path}`}
                    icon={<X aria-hidden="true" />}
                    onClick={() => onInclude(include.filter((one) => one !== path))}
                  />
                </li>
              ))}
              {include.length > SHOWN_PATHS ? (
                <li className="py-1.5 text-xs text-ink-3">and {include.length - SHOWN_PATHS} more</li>
              ) : null}
            </ul>
          )}
          <Button size="sm" className="mt-3" onClick={() => setChoosing(true)}>
            {include.length === 0 ? 'Choose files' : 'Choose more'}
          </Button>
        </section>
      ) : null}
      <div className="flex gap-2">
        <Button variant="primary" disabled={some && include.length === 0} onClick={onNext}>
          Continue
        </Button>
      </div>
      {choosing ? (
        <ChooseDialog
          point={point}
          onClose={() => setChoosing(false)}
          onChosen={(paths) => {
            onInclude(outermost([...new Set([...include, ...paths])]));
            setMode('some');
            setChoosing(false);
          }}
        />
      ) : null}
    </div>
  );
}

function ChooseDialog({
  point,
  onClose,
  onChosen,
}: {
  point: RecoveryPointDetail;
  onClose: () => void;
  onChosen: (paths: string[]) => void;
}) {
  const [place, setPlace] = useState<Place>({ path: point.rootPath, sort: 'name', order: 'asc', search: undefined });
  const [selection, setSelection] = useState<Selection>(NOTHING);
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      title="Choose what to restore"
      width="xl"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" disabled={selection.size === 0} onClick={() => onChosen([...selection.keys()])}>
            {selection.size === 0 ? 'Choose' : `Choose ${formatPlural(selection.size, 'entry', 'entries')}`}
          </Button>
        </>
      }
    >
      <FileBrowser
        className="h-[min(32rem,60dvh)] [--grid-head:var(--color-raised)]"
        pointId={point.id}
        place={place}
        onPlace={(change) => setPlace({ ...place, ...change })}
        selection={selection}
        onSelection={setSelection}
        actions={
          <span className="text-sm text-ink-2">
            {selection.size === 0
              ? 'Tick files and folders; a click on a folder’s name opens it.'
              : `${formatPlural(selection.size, 'entry', 'entries')} chosen`}
          </span>
        }
      />
    </Dialog>
  );
}
