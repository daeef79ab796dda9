'use client';

import { useEffect, useState } from 'react';
import { Button } from '#components/ui/button.tsx';
import { StateMark } from '#components/ui/state.tsx';
import { retryLive, useLiveState } from '#lib/client/live/provider.tsx';

/** A restart of the web process takes less; a person need not see it. */
const PATIENCE_MS = 4_000;

/** Said only once it lasts. Figures on the page are then as old as the last answer. */
export function ConnectionNotice() {
  const state = useLiveState();
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (state !== 'retrying') {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [state]);
  return (
    <div role="status" data-print="none">
      {lasting ? (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-warn-soft px-4 py-1.5 text-sm md:px-6">
          <StateMark tone="warn" />
          <span className="flex-1">
            <span className="font-medium">No live news from the console.</span>{' '}
            <span className="text-ink-2">Work goes on; what you see may be out of date. Trying again by itself.</span>
          </span>
          <Button size="sm" onClick={retryLive}>
            Try now
          </Button>
        </div>
      ) : null}
    </div>
  );
}
