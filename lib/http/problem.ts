// Errors as RFC 9457 problems: what failed, on what, what to do. Never a stack, and of an error nobody foresaw only its request id.

import { STATUS_CODES } from 'node:http';
import type { z } from 'zod';
import type { ProblemBody } from '#lib/contracts/common.ts';
import { AppError } from '#lib/errors.ts';
import { logger } from '#lib/logger.ts';

/** Prisma's and PostgreSQL's words for "cannot be reached now". */
const DATABASE_AWAY = new Set([
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'ECONNREFUSED',
  'ECONNRESET',
  '57P01',
  '57P03',
]);

export function problemResponse(error: unknown, requestId: string): Response {
  const known = asAppError(error);
  if (known.status >= 500) logger('http').error({ err: error, requestId }, 'request failed');
  const body: ProblemBody = {
    type: `urn:holdfast:${known.code}`,
    title: STATUS_CODES[known.status] ?? 'Error',
    status: known.status,
    detail: known.message,
    hint: known.hint,
    code: known.code,
    fields: known.fields,
    requestId,
  };
  const headers: Record<string, string> = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-request-id': requestId,
  };
  const wait = (known as { retryAfterSeconds?: unknown }).retryAfterSeconds;
  if (typeof wait === 'number') headers['retry-after'] = String(wait);
  return new Response(JSON.stringify(body), { status: known.status, headers });
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === 'string' && DATABASE_AWAY.has(code)) {
      return new AppError('unavailable', {
        message: 'The database does not answer.',
        hint: 'Runs that are working go on. Try again in a moment.',
        retryable: true,
        cause: error,
      });
    }
  }
  return new AppError('internal', {
    message: 'Something failed inside Holdfast.',
    hint: 'Try again. If it stays, look for the request id in the log of the web process.',
    cause: error,
  });
}

/** Field errors by dotted path, the first of each field. */
export function invalidInput(what: string, issues: readonly z.core.$ZodIssue[]): AppError {
  const fields: Record<string, string> = {};
  for (const issue of issues) {
    const path = issue.path.join('.');
    fields[path] ??= issue.message;
  }
  const first = issues[0];
  const where = first && first.path.length > 0 ? `${first.path.join('.')}: ` : '';
  return new AppError('invalid-input', {
    message: `The ${what} is not right. ${where}${first?.message ?? ''}`.trim(),
    fields,
  });
}
