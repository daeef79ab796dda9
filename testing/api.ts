// The API as a browser meets it, without a server between: requests go to the handler that Next would choose for the address.

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hashPassword } from 'better-auth/crypto';
import { afterAll, beforeAll } from 'vitest';
import { forgetConfig } from '../lib/config.ts';
import type { Role } from '../lib/contracts/access.ts';
import { db } from '../lib/db/client.ts';
import { authEndpoint } from '../lib/http/auth-endpoints.ts';
import type { RouteHandler } from '../lib/http/route.ts';
import { closeCourier } from '../lib/live/instance.ts';
import { closeQueues } from '../lib/queue/instance.ts';
import { forgetMasterKey } from '../lib/secrets/instance.ts';
import { forgetAuth } from '../lib/services/access.ts';
import { closeReaders } from '../lib/services/open-vault.ts';
import { useTestDatabase } from './database.ts';

export const ORIGIN = 'http://127.0.0.1:8420';
export const TEST_PASSWORD = 'a long sentence is a fine password';
const API_FOLDER = fileURLToPath(new URL('../app/api', import.meta.url));

export interface RouteFile {
  /** '/api/v1/vaults/[id]' */
  pattern: string;
  module: Record<string, RouteHandler>;
}

/** Every route file below app/api. */
export async function routeFiles(): Promise<RouteFile[]> {
  const files = await readdir(API_FOLDER, { recursive: true });
  return Promise.all(
    files
      .filter((file) => file.endsWith('route.ts'))
      .sort()
      .map(async (file) => ({
        pattern: `/api/${relative('.', file).replace(/\/?route\.ts$/, '')}`,
        module: await import(join(API_FOLDER, file)),
      })),
  );
}

export interface CallOptions {
  cookie?: string;
  body?: unknown;
  headers?: Record<string, string>;
  /** Address the request comes from. */
  peer?: string;
}

export interface TestApi {
  /** Empty folder that is removed afterwards. */
  readonly folder: string;
  call(method: string, path: string, options?: CallOptions): Promise<Response>;
  /** A new person with that role; returns the cookie of their session. */
  signIn(role: Role): Promise<string>;
  /** The rows behind it. */
  db: typeof db;
}

/** For the top of a test file: database, data folder, master key and handlers of their own. */
export function testApi(): TestApi {
  useTestDatabase();
  const api = { folder: '', call, signIn, db };
  beforeAll(async () => {
    api.folder = await mkdtemp(join(tmpdir(), 'holdfast-api-'));
    process.env.HOLDFAST_DATA_DIR = join(api.folder, 'data');
    forgetConfig();
    forgetMasterKey();
    forgetAuth();
  });
  afterAll(async () => {
    await Promise.all([closeReaders(), closeCourier(), closeQueues()]);
    delete process.env.HOLDFAST_DATA_DIR;
    forgetConfig();
    await rm(api.folder, { recursive: true, force: true });
  });
  return api;
}

async function call(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const url = new URL(path, ORIGIN);
  const headers = new Headers({
    host: url.host,
    origin: ORIGIN,
    'x-holdfast-peer': options.peer ?? '192.0.2.1',
    ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(options.cookie === undefined ? {} : { cookie: options.cookie }),
    ...options.headers,
  });
  const body = options.body === undefined ? null : JSON.stringify(options.body);
  const request = new Request(url, { method, headers, body });
  if (url.pathname.startsWith('/api/auth/')) return authEndpoint(request);
  const { file, params } = resolve(url.pathname);
  const handler = (await import(file))[method] as RouteHandler | undefined;
  if (handler === undefined) return new Response(null, { status: 405 });
  return handler(request, { params: Promise.resolve(params) });
}

/** As Next resolves it: names before [id]. */
function resolve(pathname: string): { file: string; params: Record<string, string> } {
  let folder = API_FOLDER;
  const params: Record<string, string> = {};
  for (const part of pathname.split('/').slice(2)) {
    if (existsSync(join(folder, part))) folder = join(folder, part);
    else if (existsSync(join(folder, '[id]'))) {
      folder = join(folder, '[id]');
      params.id = decodeURIComponent(part);
    } else folder = join(API_FOLDER, '[...rest]');
  }
  const file = join(folder, 'route.ts');
  return { file: existsSync(file) ? file : join(API_FOLDER, '[...rest]', 'route.ts'), params };
}

async function signIn(role: Role): Promise<string> {
  const id = randomUUID();
  const email = `${role}-${id}@example.org`;
  const password = await hashPassword(TEST_PASSWORD);
  await db().user.create({
    data: {
      id,
      name: role,
      email,
      role,
      accounts: { create: { id: randomUUID(), accountId: id, providerId: 'credential', password } },
    },
  });
  // An address of its own for each, so that the limit per address does not count them together.
  const peer = `198.51.100.${Math.floor(Math.random() * 255)}`;
  const response = await call('POST', '/api/auth/sign-in/email', { body: { email, password: TEST_PASSWORD }, peer });
  if (!response.ok) throw new Error(`sign-in failed: ${await response.text()}`);
  return cookieOf(response);
}

/** What a browser sends back. */
export function cookieOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}
