// People, their sessions, and how often someone tried. better-auth writes sessions and accounts through authDatabase().

import { randomUUID } from 'node:crypto';
import { prismaAdapter } from 'better-auth/adapters/prisma';
import { type Role, role } from '#lib/contracts/access.ts';
import { type AuditEntry, insertAudit } from './audit.ts';
import { db } from './client.ts';
import { claimSetting, deleteSetting } from './settings.ts';

/** What better-auth keeps its rows with. */
export function authDatabase() {
  return prismaAdapter(db(), { provider: 'postgresql', transaction: true });
}

export interface UserRecord {
  id: string;
  name: string;
  email: string;
  role: Role;
}

/** The owner and the end of set-up in one transaction. False when set-up was completed before, or just now by someone else. */
export async function createOwner(
  owner: Omit<UserRecord, 'role'> & { passwordHash: string },
  audit: AuditEntry,
  now: Date,
): Promise<boolean> {
  return db().$transaction(async (tx) => {
    if (!(await claimSetting('setup-completed-at', now.toISOString(), tx))) return false;
    await tx.user.create({
      data: {
        id: owner.id,
        name: owner.name,
        email: owner.email,
        role: 'owner',
        accounts: {
          create: {
            id: randomUUID(),
            accountId: owner.id,
            providerId: 'credential',
            password: owner.passwordHash,
          },
        },
      },
    });
    await deleteSetting('setup-token-hash', tx);
    await insertAudit(audit, tx);
    return true;
  });
}

export async function findUser(id: string): Promise<UserRecord | null> {
  const row = await db().user.findUnique({ where: { id }, select: { id: true, name: true, email: true, role: true } });
  return row && { ...row, role: role.parse(row.role) };
}

export interface SessionRecord {
  id: string;
  createdAt: Date;
  expiresAt: Date;
  /** When it was last prolonged. */
  updatedAt: Date;
  ipAddress: string | null;
  userAgent: string | null;
}

/** Sessions of a person that have not ended, newest first. */
export function listSessions(userId: string, now: Date): Promise<SessionRecord[]> {
  return db().session.findMany({
    where: { userId, expiresAt: { gt: now } },
    orderBy: { createdAt: 'desc' },
    select: { id: true, createdAt: true, expiresAt: true, updatedAt: true, ipAddress: true, userAgent: true },
  });
}

/** False when the person has no such session. */
export async function deleteSession(userId: string, id: string, audit: AuditEntry): Promise<boolean> {
  return db().$transaction(async (tx) => {
    const { count } = await tx.session.deleteMany({ where: { id, userId } });
    if (count > 0) await insertAudit(audit, tx);
    return count > 0;
  });
}

export async function sessionExists(id: string, now: Date): Promise<boolean> {
  return (await db().session.count({ where: { id, expiresAt: { gt: now } } })) > 0;
}

/**
 * Counts one try and says whether it is allowed: at most `max` within `windowSeconds` of the first. One statement, so that several
 * web processes count together and no two tries slip through at once.
 */
export async function countTry(
  key: string,
  rule: { max: number; windowSeconds: number },
): Promise<{ allowed: boolean; retryAfterSeconds: number }> {
  // lastRequest is when the window began, by the database's clock, in milliseconds.
  const rows = await db().$queryRaw<{ count: number; elapsed: number }[]>`
    INSERT INTO rate_limit AS r (id, key, count, "lastRequest")
    VALUES (${randomUUID()}, ${key}, 1, (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint)
    ON CONFLICT (key) DO UPDATE SET
      count = CASE WHEN excluded."lastRequest" - r."lastRequest" >= ${rule.windowSeconds * 1000} THEN 1
                   ELSE LEAST(r.count + 1, ${rule.max + 1}) END,
      "lastRequest" = CASE WHEN excluded."lastRequest" - r."lastRequest" >= ${rule.windowSeconds * 1000}
                           THEN excluded."lastRequest" ELSE r."lastRequest" END
    RETURNING count, ((EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint - "lastRequest")::float8 AS elapsed`;
  const row = rows[0] ?? { count: 1, elapsed: 0 };
  return {
    allowed: row.count <= rule.max,
    retryAfterSeconds: Math.max(1, Math.ceil(rule.windowSeconds - row.elapsed / 1000)),
  };
}

/** A success: earlier tries no longer count against the person. */
export async function forgetTries(key: string): Promise<void> {
  await db().rateLimit.deleteMany({ where: { key } });
}
