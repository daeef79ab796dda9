'use client';

import { Download } from 'lucide-react';
import type { ReactNode } from 'react';
import { buttonClass } from '#components/ui/button.tsx';
import { CopyButton } from '#components/ui/copy.tsx';
import { formatBytes, formatExactBytes, formatInstant } from '#lib/client/format.ts';
import { downloadUrl } from '#lib/client/queries/recovery-points.ts';
import { useMay } from '#lib/client/queries/session.ts';
import type { EntryView } from '#lib/contracts/recovery-points.ts';
import { EntryIcon, TYPE_WORD } from './entry-words.tsx';

/** Everything known of one entry, beside the list. */
export function EntryPanel({ pointId, entry }: { pointId: string; entry: EntryView }) {
  const mayDownload = useMay('recovery-point:download');
  return (
    <section aria-label="Details of the entry" className="flex flex-col gap-3 py-3">
      <div className="flex items-start gap-2">
        <span className="mt-0.5">
          <EntryIcon type={entry.type} />
        </span>
        <p className="min-w-0 flex-1 text-base font-medium [overflow-wrap:anywhere]">{entry.name}</p>
      </div>
      <dl className="flex flex-col gap-2 text-sm">
        <Fact name="Kind">{TYPE_WORD[entry.type]}</Fact>
        {entry.type === 'file' ? (
          <Fact name="Size">
            {formatBytes(entry.size)} <span className="text-ink-3">({formatExactBytes(entry.size)})</span>
          </Fact>
        ) : null}
        <Fact name="Changed">{formatInstant(Date.parse(entry.mtime))}</Fact>
        <Fact name="Owner">
          {entry.owner}:{entry.group}
        </Fact>
        <Fact name="Mode">
          <span className="font-mono text-xs">{entry.mode}</span>
        </Fact>
        {entry.linkTarget === undefined ? null : (
          <Fact name="Points to">
            <span className="font-mono text-xs">{entry.linkTarget}</span>
          </Fact>
        )}
        <Fact name="Path">
          <span className="font-mono text-xs">{entry.path}</span> <CopyButton text={entry.path} label="Copy the path" />
        </Fact>
      </dl>
      {mayDownload && (entry.type === 'file' || entry.type === 'dir') ? (
        <a
          href={downloadUrl(pointId, [entry.path], 'zip')}
          download
          className={buttonClass('secondary', 'sm', 'w-fit')}
        >
          <Download aria-hidden="true" />
          {entry.type === 'dir' ? 'Download as zip' : 'Download'}
        </a>
      ) : null}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-3">{name}</dt>
      <dd className="[overflow-wrap:anywhere]">{children}</dd>
    </div>
  );
}
