// Who may see a page, decided before any of it is sent. The API decides again for every request; this spares a signed-out
// person a flash of an empty console.

import { headers } from 'next/headers';
import { redirect } from 'next/navigation';
import { role, type SessionView } from '#lib/contracts/access.ts';
import { auth, sessionView } from '#lib/services/access.ts';
import { setupState } from '#lib/services/setup.ts';
import { PATH_HEADER } from './page-headers.ts';

async function session(): Promise<SessionView | null> {
  const given = await headers();
  if (!given.has('cookie')) return null;
  // A page cannot set the prolonged cookie, so it must not use up the prolongation: the next API request does it.
  const found = await (await auth()).api.getSession({ headers: given, query: { disableRefresh: true } });
  if (found === null) return null;
  return sessionView({ userId: found.user.id, email: found.user.email, role: role.parse(found.user.role) });
}

/** For pages of the console: others are sent to set-up or to sign-in, and come back to this very address. */
export async function requireSignedInPage(): Promise<SessionView> {
  const found = await session();
  if (found !== null) return found;
  if ((await setupState()).needed) redirect('/set-up');
  const path = (await headers()).get(PATH_HEADER) ?? '/';
  redirect(path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`);
}

/** For the sign-in page: nobody can sign in before set-up, and who is signed in need not. */
export async function requireSignedOutPage(): Promise<void> {
  if ((await setupState()).needed) redirect('/set-up');
  if ((await session()) !== null) redirect('/');
}

export async function requireSetupPage(): Promise<void> {
  if (!(await setupState()).needed) redirect((await session()) !== null ? '/' : '/sign-in');
}
