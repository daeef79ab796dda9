// Who changed what. Rows are only ever added, and where the change is a row, too, in the same transaction.

import type { Actor } from '#lib/contracts/access.ts';
import { db, type Tx } from './client.ts';
import { Prisma } from './generated/client.ts';

export interface AuditEntry {
  /** Who: an actor, or 'setup' and 'system' for what nobody signed in did. */
  actor: Pick<Actor, 'email' | 'ipAddress'>;
  /** 'vault.create', 'run.cancel', … */
  action: string;
  subjectKind: string;
  subjectId: string;
  subjectName?: string | undefined;
  /** Facts worth keeping; never a secret. */
  detail?: Record<string, unknown> | undefined;
}

export async function insertAudit(entry: AuditEntry, tx: Tx = db()): Promise<void> {
  await tx.auditEvent.create({
    data: {
      actor: entry.actor.email,
      action: entry.action,
      subjectKind: entry.subjectKind,
      subjectId: entry.subjectId,
      subjectName: entry.subjectName ?? null,
      detail: entry.detail === undefined ? Prisma.DbNull : (entry.detail as Prisma.InputJsonObject),
      ipAddress: entry.actor.ipAddress ?? null,
    },
  });
}
