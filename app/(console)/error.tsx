'use client';

import { LoadError } from '#components/shell/load-error.tsx';
import { PageHead } from '#components/shell/page-head.tsx';

/** A page that broke while it was drawn: the frame stays, and with it the way on. */
export default function ConsoleError({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  const reference = error.digest === undefined ? error.message : `server reference ${error.digest}`;
  return (
    <>
      <PageHead title="This page could not be shown" />
      <LoadError
        error={error}
        what={`The page failed while it was drawn (${reference}). Backups and restores go on.`}
        onRetry={reset}
      />
    </>
  );
}
