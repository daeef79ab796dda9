// Starts the one instance of the run. The stories run in processes of their own: they learn where it is from the environment,
// and start and stop it through a door on loopback.

import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Instance } from './instance.ts';

export default async function globalSetup(): Promise<() => Promise<void>> {
  const instance = await Instance.make();
  const keepLog = async () => {
    await mkdir('test-results', { recursive: true });
    await writeFile(join('test-results', 'holdfast.log'), instance.output);
  };
  let setupToken: string | null;
  try {
    setupToken = await instance.start();
  } catch (error) {
    await keepLog();
    await instance.remove();
    throw error;
  }
  const door = await openDoor(instance);
  process.env.E2E_URL = instance.url;
  process.env.E2E_ROOT = instance.root;
  process.env.E2E_DATA_DIR = instance.dataDir;
  process.env.E2E_SETUP_TOKEN = setupToken ?? '';
  process.env.E2E_DOOR = door.url;
  return async () => {
    door.close();
    await instance.stop();
    await keepLog().catch(() => {
      // The log is a help for reading a failure; that it cannot be kept must not hide the failure itself.
    });
    await instance.remove();
  };
}

/** GET /pid, POST /start, POST /stop, POST /until-ended. */
async function openDoor(instance: Instance): Promise<{ url: string; close(): void }> {
  const actions: Record<string, () => Promise<unknown>> = {
    'GET /pid': async () => instance.pid ?? null,
    'GET /output': async () => instance.output,
    'POST /start': () => instance.start(),
    'POST /stop': () => instance.stop(),
    'POST /until-ended': () => instance.untilEnded(),
  };
  const server = createServer((request, response) => {
    const action = actions[`${request.method} ${request.url}`];
    if (action === undefined) {
      response.writeHead(404).end();
      return;
    }
    action().then(
      (answer) => response.end(JSON.stringify(answer ?? null)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the door has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
