'use client';

import { ChevronDown, Download, RotateCcw, X } from 'lucide-react';
import { Button, ButtonLink, buttonClass } from '#components/ui/button.tsx';
import { Menu, MenuItem } from '#components/ui/menu.tsx';
import { formatBytes, formatPlural } from '#lib/client/format.ts';
import { downloadUrl } from '#lib/client/queries/recovery-points.ts';
import { useMay } from '#lib/client/queries/session.ts';
import { restoreHref } from './chosen-paths.ts';
import { NOTHING, outermost, type Selection } from './selection.ts';

/** The contract of the download route. */
const MOST_PATHS = 200;
/** Node refuses a request whose head is longer than 16 KiB, and cookies are part of it. */
const LONGEST_ADDRESS = 8_000;

/** What one does with the chosen entries, or with the whole folder while nothing is chosen. */
export function BrowseActions({
  pointId,
  folder,
  selection,
  onSelection,
}: {
  pointId: string;
  folder: string;
  selection: Selection;
  onSelection: (selection: Selection) => void;
}) {
  const mayDownload = useMay('recovery-point:download');
  const mayRestore = useMay('restore:create');
  const chosen = [...selection.values()];
  const paths = chosen.length === 0 ? [folder] : outermost([...selection.keys()]);
  const single = chosen.length === 1 && chosen[0]?.type === 'file';
  const tooMany = paths.length > MOST_PATHS || downloadUrl(pointId, paths, 'zip').length > LONGEST_ADDRESS;
  const size = chosen.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0);
  const folders = chosen.filter((entry) => entry.type === 'dir').length;
  const save = (format: 'tar' | 'zip') => window.location.assign(downloadUrl(pointId, paths, format));
  return (
    <>
      {chosen.length > 0 ? (
        <span className="flex items-center gap-1 text-sm font-medium tabular">
          {formatPlural(chosen.length, 'entry', 'entries')} chosen
          <span className="font-normal text-ink-3">
            {folders > 0 ? ` ${formatPlural(folders, 'folder')}` : ''}
            {size > 0 ? ` ${formatBytes(size)}` : ''}
          </span>
          <Button size="sm" variant="quiet" icon={<X aria-hidden="true" />} onClick={() => onSelection(NOTHING)}>
            Clear
          </Button>
        </span>
      ) : null}
      {mayDownload ? (
        single ? (
          <a href={downloadUrl(pointId, paths, 'zip')} download className={buttonClass('secondary', 'sm')}>
            <Download aria-hidden="true" />
            Download
          </a>
        ) : (
          <Menu
            align="start"
            trigger={
              <button
                type="button"
                disabled={tooMany}
                title={tooMany ? 'Too many entries for one download: choose their folder instead' : undefined}
                className={buttonClass('secondary', 'sm')}
              >
                <Download aria-hidden="true" />
                {chosen.length === 0 ? 'Download this folder' : 'Download'}
                <ChevronDown aria-hidden="true" />
              </button>
            }
          >
            <MenuItem onSelect={() => save('zip')}>As zip</MenuItem>
            <MenuItem onSelect={() => save('tar')}>As tar, with owners and modes</MenuItem>
          </Menu>
        )
      ) : null}
      {mayRestore ? (
        <ButtonLink
          size="sm"
          href={restoreHref(pointId, folder === '/' && chosen.length === 0 ? [] : paths)}
          icon={<RotateCcw aria-hidden="true" />}
        >
          {chosen.length === 0 ? 'Restore this folder' : 'Restore'}
        </ButtonLink>
      ) : null}
    </>
  );
}
