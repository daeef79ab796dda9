// A line to the console that can be cut, as when someone pulls the plug of the network: what was open breaks, nothing new comes
// through. (The browser's own offline mode leaves streams that are open as they are.)

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { instance } from './running.ts';

export interface Line {
  url: string;
  cut(): void;
  mend(): void;
  close(): void;
}

export async function openLine(): Promise<Line> {
  const { port } = new URL(instance.url);
  const open = new Set<Socket>();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      // An error is followed by close, and whoever was cut off has one.
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');
  const cut = () => {
    whole = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    cut,
    mend: () => {
      whole = true;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
