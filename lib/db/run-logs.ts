// Lines of a run's log, in the order of their ids.

import type { z } from 'zod';
import { logLevel, type RunLogLine, type runLogQuery } from '#lib/contracts/runs.ts';
import { db } from './client.ts';
import type { Prisma } from './generated/client.ts';

export interface NewLogLine {
  at: Date;
  level: RunLogLine['level'];
  message: string;
  detail: Record<string, unknown> | null;
}

interface LogRow {
  id: bigint;
  at: Date;
  level: string;
  message: string;
  detail: Prisma.JsonValue;
}

function toLine(row: LogRow): RunLogLine {
  return {
    id: row.id.toString(),
    at: row.at.toISOString(),
    level: logLevel.parse(row.level),
    message: row.message,
    detail: (row.detail as Record<string, unknown> | null) ?? null,
  };
}

/** Adds lines in the given order and returns them with their ids. */
export async function insertLogLines(runId: string, lines: readonly NewLogLine[]): Promise<RunLogLine[]> {
  if (lines.length === 0) return [];
  const rows = await db().runLog.createManyAndReturn({
    data: lines.map(({ detail, ...line }) => ({
      runId,
      ...line,
      ...(detail === null ? {} : { detail: detail as Prisma.InputJsonObject }),
    })),
    select: { id: true, at: true, level: true, message: true, detail: true },
  });
  return rows.map(toLine).sort((a, b) => (BigInt(a.id) < BigInt(b.id) ? -1 : 1));
}

/** Lines after `after`, oldest first. `level` keeps that level and the graver ones. */
export async function listLogLines(runId: string, query: z.infer<typeof runLogQuery>): Promise<RunLogLine[]> {
  const levels = logLevel.options.slice(query.level ? logLevel.options.indexOf(query.level) : 0);
  const rows = await db().runLog.findMany({
    where: {
      runId,
      ...(query.after ? { id: { gt: BigInt(query.after) } } : {}),
      ...(query.level ? { level: { in: levels } } : {}),
    },
    orderBy: { id: 'asc' },
    take: query.limit,
    select: { id: true, at: true, level: true, message: true, detail: true },
  });
  return rows.map(toLine);
}
