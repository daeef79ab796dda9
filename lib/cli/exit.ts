// Exit codes of restic (doc/075_scripting.rst), so that scripts written for it keep working.

import { type ErrorCode, isAppError } from '#lib/errors.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  /** Done, but some of it could not be read or written. */
  partial: 3,
  noRepository: 10,
  locked: 11,
  wrongPassword: 12,
  interrupted: 130,
} as const;

const CODES: Partial<Record<ErrorCode, number>> = {
  'not-a-repository': EXIT.noRepository,
  'repository-locked': EXIT.locked,
  'wrong-password': EXIT.wrongPassword,
  cancelled: EXIT.interrupted,
};

export function exitCodeOf(error: unknown): number {
  return isAppError(error) ? (CODES[error.code] ?? EXIT.failed) : EXIT.failed;
}

/** On stderr: a sentence and what to do, or restic's exit_error message. A stack only for what nobody foresaw; an error of the operating system says enough. */
export function printError(error: unknown, json: boolean): void {
  const code = exitCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    process.stderr.write(`${JSON.stringify({ message_type: 'exit_error', code, message })}\n`);
    return;
  }
  process.stderr.write(`holdfast: ${message}\n`);
  if (isAppError(error)) {
    if (error.hint) process.stderr.write(`  ${error.hint}\n`);
    for (const [field, problem] of Object.entries(error.fields ?? {})) process.stderr.write(`  ${field}: ${problem}\n`);
  } else if (error instanceof Error && error.stack && !('errno' in error)) process.stderr.write(`${error.stack}\n`);
}
