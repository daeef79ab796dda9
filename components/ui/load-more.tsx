'use client';

import { useEffect, useRef } from 'react';
import { Button } from './button.tsx';

/** The end of a list of which there is more: comes into sight, loads. The button is for the keyboard and for a retry. */
export function LoadMore({
  hasMore,
  loading,
  failed = false,
  onMore,
}: {
  hasMore: boolean;
  loading: boolean;
  failed?: boolean;
  onMore: () => void;
}) {
  const end = useRef<HTMLDivElement>(null);
  const more = useRef(onMore);
  useEffect(() => {
    more.current = onMore;
  });
  useEffect(() => {
    const element = end.current;
    // After a failure only a person asks again: the end stays in sight and would ask for ever.
    if (element === null || !hasMore || loading || failed) return;
    const watch = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) more.current();
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, [hasMore, loading, failed]);
  if (!hasMore) return null;
  return (
    <div ref={end} className="flex justify-center py-4">
      <Button size="sm" busy={loading} onClick={onMore}>
        {failed ? 'Try again' : 'Load more'}
      </Button>
    </div>
  );
}
