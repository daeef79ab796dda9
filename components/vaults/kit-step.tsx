'use client';

import { useQuery } from '@tanstack/react-query';
import { Download } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { buttonClass } from '#components/ui/button.tsx';
import { Checkbox } from '#components/ui/choice.tsx';
import { RelativeTime } from '#components/ui/figures.tsx';
import { Notice, StateMark } from '#components/ui/state.tsx';
import { useMay } from '#lib/client/queries/session.ts';
import { recoveryKitUrl, useKitDownloaded, vaultQuery } from '#lib/client/queries/vaults.ts';

const POLL_MS = 1_000;

/**
 * Getting the recovery kit out of this machine. `children` (the way on) is given whether it is done: downloaded, which
 * the server says, and stored elsewhere, which only the person can say.
 */
export function KitStep({ vaultId, children }: { vaultId: string; children?: (done: boolean) => ReactNode }) {
  const may = useMay('vault:recovery-kit');
  const [asked, setAsked] = useState(false);
  const [stored, setStored] = useState(false);
  const { data: vault } = useQuery({
    ...vaultQuery(vaultId),
    // The browser does not tell a page that a download went through; the server notes it.
    refetchInterval: (query) => (asked && query.state.data?.kitDownloadedAt === null ? POLL_MS : false),
  });
  const downloaded = vault?.kitDownloadedAt ?? null;
  const refresh = useKitDownloaded(vaultId);
  return (
    <div className="flex max-w-[64ch] flex-col gap-4">
      <p className="text-base text-pretty text-ink-2">
        One text file with the vault’s place, its password and the exact commands of the free <code>restic</code>{' '}
        program. With it you get everything back even if this console is gone; without it, nobody can: not even us.
      </p>
      <Notice tone="warn">
        Whoever has the file can read every backup in the vault. Keep it where you keep passwords, or print it. Not on
        this machine, and not inside the vault.
      </Notice>
      {may ? (
        <div className="flex flex-wrap items-center gap-3">
          <a
            href={recoveryKitUrl(vaultId)}
            download
            className={buttonClass(downloaded === null ? 'primary' : 'secondary')}
            onClick={() => {
              setAsked(true);
              setTimeout(refresh, POLL_MS);
            }}
          >
            <Download aria-hidden="true" />
            {downloaded === null ? 'Download the recovery kit' : 'Download it again'}
          </a>
          <span role="status" className="text-sm text-ink-2">
            {downloaded === null ? null : (
              <span className="inline-flex items-center gap-1.5">
                <StateMark tone="good" /> Downloaded <RelativeTime at={downloaded} />
              </span>
            )}
          </span>
        </div>
      ) : (
        <p className="text-base">
          Only an owner can download the recovery kit. Ask one to do it before the first loss.
        </p>
      )}
      {children === undefined ? null : (
        <>
          {may ? (
            <Checkbox
              checked={stored}
              onCheckedChange={setStored}
              disabled={downloaded === null}
              label="I have stored it somewhere that outlives this machine"
            />
          ) : null}
          {children(!may || (downloaded !== null && stored))}
        </>
      )}
    </div>
  );
}
