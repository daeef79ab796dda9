// Which requests may come in at all. Two rules, both about browsers that are made to act for someone else's page:
// - Host: an address (a name that an attacker's DNS points at us is none), localhost, or the name in HOLDFAST_URL.
// - Methods that change something: only from pages of this very origin.

import { isIP } from 'node:net';
import { AppError } from '#lib/errors.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

interface RequestLike {
  method: string;
  headers: Pick<Headers, 'get'>;
}

/** Against DNS rebinding. `ownUrl`: config().url. */
export function isKnownHost(hostHeader: string | null, ownUrl: string): boolean {
  if (hostHeader === null || !URL.canParse(`http://${hostHeader}`)) return false;
  const own = new URL(ownUrl);
  const given = new URL(`${own.protocol}//${hostHeader}`);
  if (given.username !== '' || given.pathname !== '/') return false;
  const name = given.hostname.replace(/^\[|\]$/g, '');
  return isIP(name) !== 0 || name === 'localhost' || given.host === own.host;
}

export function requireKnownHost(request: RequestLike, ownUrl: string): void {
  if (isKnownHost(request.headers.get('host'), ownUrl)) return;
  throw new AppError('invalid-input', {
    message: 'This server is not called by that name.',
    hint: 'If you opened the console under its proper address, put that address into HOLDFAST_URL and start again.',
  });
}

/** Against cross-site requests. A browser sends Origin with every POST, PATCH and DELETE, and newer ones Sec-Fetch-Site. */
export function requireSameOrigin(request: RequestLike, ownUrl: string): void {
  if (SAFE_METHODS.has(request.method)) return;
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  const siteIsOurs = site === null || site === 'same-origin';
  const originIsOurs =
    origin === null ? site === 'same-origin' : isOwnOrigin(origin, request.headers.get('host'), ownUrl);
  if (siteIsOurs && originIsOurs) return;
  throw new AppError('forbidden', {
    message: 'The request did not come from a page of this console.',
    hint: 'Reload the page and try again. Programs send the header "Origin" with the address of the console.',
  });
}

function isOwnOrigin(origin: string, host: string | null, ownUrl: string): boolean {
  if (origin === ownUrl) return true;
  // Opened by address or through a tunnel: same host and port as the request itself. Never http pages of an https console.
  return !ownUrl.startsWith('https:') && URL.canParse(origin) && origin === `http://${host}`;
}
