'use client';

import { LoadError } from '#components/shell/load-error.tsx';
import { ButtonLink } from '#components/ui/button.tsx';
import { toApiError } from '#lib/client/api.ts';

/** A page whose object cannot be shown. What is not there will not be there on a second try: the way out is the list. */
export function NotShown({
  query,
  href,
  all,
}: {
  query: { error: unknown; isFetching: boolean; refetch: () => unknown };
  href: string;
  all: string;
}) {
  const gone = toApiError(query.error).status === 404;
  return (
    <LoadError
      error={query.error}
      {...(gone ? {} : { onRetry: () => void query.refetch(), retrying: query.isFetching })}
      actions={
        <ButtonLink size="sm" href={href}>
          {all}
        </ButtonLink>
      }
    />
  );
}
