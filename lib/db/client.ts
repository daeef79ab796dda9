// One Prisma client, and with it one pool of connections, per process. Only lib/db imports this file: what leaves lib/db
// are domain types.

import { PrismaPg } from '@prisma/adapter-pg';
import { config, databaseUrl } from '../config.ts';
import { PrismaClient } from './generated/client.ts';

/** Longer than any pause of a loaded server, shorter than a person's patience with a page. */
const CONNECT_TIMEOUT_MS = 10_000;

export type Db = PrismaClient;
/** What a function inside `db().$transaction(async (tx) => …)` gets. */
export type Tx = Parameters<Parameters<PrismaClient['$transaction']>[0]>[0];

// On globalThis: `next dev` evaluates this module again with every change, and each copy would keep a pool.
const holder = globalThis as typeof globalThis & { holdfastDb?: PrismaClient };

/** The client of this process; connects with its first query. Throws `unavailable` when no database is configured. */
export function db(): PrismaClient {
  holder.holdfastDb ??= new PrismaClient({
    adapter: new PrismaPg({
      connectionString: databaseUrl(),
      max: config().databaseConnections,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    }),
  });
  return holder.holdfastDb;
}

/** Closes the pool; the next db() opens a new one. The last step of an orderly stop. */
export async function disconnectDb(): Promise<void> {
  const client = holder.holdfastDb;
  delete holder.holdfastDb;
  await client?.$disconnect();
}
