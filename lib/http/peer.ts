// The address a request really came from. A route handler sees no socket, and X-Forwarded-For is whatever the client wrote,
// so the header is set here, before Next reads the request, and whatever the client sent under that name is gone.

import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

export const PEER_HEADER = 'x-holdfast-peer';

/** Once per process, before it serves. `trustProxy`: the last entry of X-Forwarded-For is our own proxy's word. */
export function markPeers(trustProxy: boolean): void {
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    request.headers[PEER_HEADER] = peerOf(request.socket.remoteAddress, request.headers['x-forwarded-for'], trustProxy);
  });
}

export function peerOf(
  remoteAddress: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustProxy: boolean,
): string {
  const forwarded = [forwardedFor ?? []].flat().join(',').split(',').at(-1)?.trim();
  const address = trustProxy && forwarded ? forwarded : remoteAddress;
  // An IPv4 peer of a socket that listens on "::" reads ::ffff:192.0.2.1.
  return address?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown';
}
