import { cookies } from 'next/headers';
import type { ReactNode } from 'react';
import { RAIL_COOKIE } from '#components/shell/preferences.ts';
import { Shell } from '#components/shell/shell.tsx';
import { requireSignedInPage } from '#lib/http/page-session.ts';

// No <Suspense> around a screen: it would hydrate after the frame, whose queries may have filled the cache by then, and
// differ from the HTML it was sent as.
export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  const session = await requireSignedInPage();
  const narrow = (await cookies()).get(RAIL_COOKIE)?.value === 'narrow';
  return (
    <Shell narrowRail={narrow} session={session}>
      {children}
    </Shell>
  );
}
