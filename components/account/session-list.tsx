'use client';

import { useQuery } from '@tanstack/react-query';
import { LoadError } from '#components/shell/load-error.tsx';
import { Button } from '#components/ui/button.tsx';
import { RelativeTime } from '#components/ui/figures.tsx';
import { TableSkeleton } from '#components/ui/skeleton.tsx';
import { Badge } from '#components/ui/state.tsx';
import { notify } from '#components/ui/toast.tsx';
import { toApiError } from '#lib/client/api.ts';
import { ownSessionsQuery, useEndSession } from '#lib/client/queries/account.ts';
import { deviceWords } from './device-words.ts';

export function SessionList() {
  const sessions = useQuery(ownSessionsQuery());
  const end = useEndSession();
  if (sessions.data === undefined)
    return sessions.isError ? (
      <LoadError compact error={sessions.error} onRetry={() => void sessions.refetch()} />
    ) : (
      <TableSkeleton label="Reading your sessions" rows={2} columns={2} />
    );
  return (
    <ul className="border-t border-line">
      {sessions.data.map((session) => (
        <li key={session.id} className="flex min-h-11 items-center gap-4 border-b border-line py-1.5 pl-1">
          <div className="min-w-0 flex-1">
            <p className="flex items-center gap-2 text-base" title={session.userAgent ?? undefined}>
              {deviceWords(session.userAgent)}
              {session.current ? <Badge tone="good">This browser</Badge> : null}
            </p>
            <p className="text-xs text-ink-3">
              {session.ipAddress === null ? '' : <span className="font-mono">{session.ipAddress} · </span>}
              signed in <RelativeTime at={session.createdAt} />
            </p>
          </div>
          {session.current ? null : (
            <Button
              size="sm"
              busy={end.isPending && end.variables === session.id}
              aria-label={`Sign out ${deviceWords(session.userAgent)}`}
              onClick={() =>
                end.mutate(session.id, {
                  onSuccess: () => notify({ title: `${deviceWords(session.userAgent)} is signed out` }),
                  onError: (error) => notify({ tone: 'bad', title: toApiError(error).detail }),
                })
              }
            >
              Sign out
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}
