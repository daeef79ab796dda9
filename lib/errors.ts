// The one error type that crosses layers. It is classified once, at the edge that
// knows what happened; everything above only reads `code` and `retryable`.

/** HTTP status for each code. A code that is missing here does not compile. */
const STATUS = {
  'invalid-input': 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'rate-limited': 429,
  internal: 500,
  unavailable: 503,
  timeout: 504,
  cancelled: 499,
  // stores
  'no-space': 507,
  'permission-denied': 403,
  // repositories
  'not-a-repository': 422,
  'wrong-password': 422,
  'repository-exists': 409,
  'repository-locked': 409,
  'repository-damaged': 422,
  unsupported: 422,
} as const;

export type ErrorCode = keyof typeof STATUS;

export interface AppErrorOptions {
  /** What failed, on what: a sentence a person can act on. Never a secret. */
  message: string;
  /** What to do about it; shown under the message. */
  hint?: string;
  /** True only when the same call can succeed later without anyone changing anything. */
  retryable?: boolean;
  /** Field errors of an input, keyed by dotted path; shown at the field. */
  fields?: Record<string, string>;
  cause?: unknown;
}

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly hint: string | undefined;
  readonly retryable: boolean;
  readonly fields: Record<string, string> | undefined;

  constructor(code: ErrorCode, options: AppErrorOptions | string) {
    const given = typeof options === 'string' ? { message: options } : options;
    super(given.message, { cause: given.cause });
    this.name = 'AppError';
    this.code = code;
    this.status = STATUS[code];
    this.hint = given.hint;
    this.retryable = given.retryable ?? false;
    this.fields = given.fields;
  }
}

/** True for an AppError with one of the codes (any AppError when none is given). */
export function isAppError(error: unknown, ...codes: ErrorCode[]): error is AppError {
  return error instanceof AppError && (codes.length === 0 || codes.includes(error.code));
}

/** Throws the cancelled error when the signal has fired. Call it between units of work. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('cancelled', { message: 'The work was cancelled.', cause: signal.reason });
}

/** Fails the build when a union gained a member that a switch does not handle. */
export function assertNever(value: never): never {
  throw new Error(`unhandled case: ${JSON.stringify(value)}`);
}
