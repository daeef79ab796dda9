// Ports of this machine: is the web server's free (asked before anything is started, by taking it for a moment), and one
// that nobody has.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';

/** A web server whose supervisor was killed notices and ends; until then the port is still its own. */
const ORPHAN_PATIENCE_MS = 6_000;
const RETRY_MS = 250;

/**
 * `patient`: the last run did not end in order, so that its web server may still be ending. Errors: `conflict` (taken), `permission-denied`, `invalid-input` (not an address
 * of this machine).
 */
export async function requireFreePort(host: string, port: number, patient: boolean): Promise<void> {
  const deadline = Date.now() + (patient ? ORPHAN_PATIENCE_MS : 0);
  for (;;) {
    const error = await tryPort(host, port);
    if (error === undefined) return;
    if (error.code === 'EADDRINUSE' && Date.now() < deadline) {
      await sleep(RETRY_MS);
      continue;
    }
    throw portError(host, port, error);
  }
}

async function tryPort(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function portError(host: string, port: number, error: NodeJS.ErrnoException): AppError {
  switch (error.code) {
    case 'EADDRINUSE':
      return new AppError('conflict', {
        message: `Port ${port} on ${host} is taken by another program.`,
        hint: `Stop that program, or choose another port: HOLDFAST_PORT=${port + 1} npm start`,
        cause: error,
      });
    case 'EACCES':
      return new AppError('permission-denied', {
        message: `Port ${port} is reserved for root.`,
        hint: 'Choose a port above 1023 with HOLDFAST_PORT, and put a reverse proxy in front.',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new AppError('invalid-input', {
        message: `${host} is not an address of this machine.`,
        hint: 'Set HOLDFAST_HOST to one of its addresses, to 127.0.0.1, or to 0.0.0.0 for all.',
        cause: error,
      });
    default:
      return new AppError('unavailable', {
        message: `Port ${port} on ${host} cannot be used: ${error.message}`,
        hint: 'Choose another with HOLDFAST_HOST and HOLDFAST_PORT.',
        cause: error,
      });
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. Whoever uses it must bear that it is taken meanwhile. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}
