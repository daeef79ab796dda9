// Every page passes here: unknown host names are refused, and the page gets its security policy with a nonce. Next puts the nonce
// on its own scripts because the policy stands on the request; components read it from the header x-nonce.

import { randomBytes } from 'node:crypto';
import { type NextRequest, NextResponse } from 'next/server';
import { config as settings } from '#lib/config.ts';
import { isKnownHost } from '#lib/http/origin.ts';
import { contentSecurityPolicy, HSTS, PATH_HEADER } from '#lib/http/page-headers.ts';

export function proxy(request: NextRequest): NextResponse {
  const { url, secure, production } = settings();
  if (!isKnownHost(request.headers.get('host'), url)) {
    return new NextResponse(
      'This server is not called by that name. If you opened the console under its proper address, put that address into HOLDFAST_URL and start again.\n',
      { status: 421, headers: { 'content-type': 'text/plain; charset=utf-8' } },
    );
  }
  const nonce = randomBytes(16).toString('base64');
  const policy = contentSecurityPolicy(nonce, { secure, production });
  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  headers.set(PATH_HEADER, `${request.nextUrl.pathname}${request.nextUrl.search}`);
  headers.set('content-security-policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  if (secure) response.headers.set('strict-transport-security', HSTS);
  return response;
}

export const config = {
  // The API checks hosts itself (lib/http/route.ts); files of the build are the same for everyone.
  matcher: ['/((?!api/|_next/static|_next/image).*)'],
};
