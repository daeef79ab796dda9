// Structured log. A secret does not reach it by either road: a value wrapped in Secret prints as a placeholder wherever it
// stands, and fields whose names say "secret" are replaced at any depth of what is logged.

import { inspect } from 'node:util';
import { type LevelWithSilent, type Logger, pino } from 'pino';
import { config } from './config.ts';
import { AppError } from './errors.ts';

const HIDDEN = '[hidden]';

/** A value that no log, error message, JSON or template string shows. Whoever needs it calls reveal(), which is easy to search for. */
export class Secret<T = string> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
  }
  reveal(): T {
    return this.#value;
  }
  toString(): string {
    return HIDDEN;
  }
  toJSON(): string {
    return HIDDEN;
  }
  [inspect.custom](): string {
    return HIDDEN;
  }
}

const SECRET_NAME =
  /pass(word|phrase|wd)?$|secret|token$|^authorization$|cookie|masterkey|sealed|privatekey|credential/i;
/** user:password@ of an address inside any text. */
const ADDRESS_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)[^\s@/]+@/gi;
/** Deeper than anything worth a log line, and an end for a chain of causes. */
const DEPTH_LIMIT = 8;

export function hideSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(ADDRESS_PASSWORD, `$1${HIDDEN}@`);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (depth > DEPTH_LIMIT) return '…';
  if (value instanceof Secret) return HIDDEN;
  if (value instanceof Date) return value;
  if (value instanceof Error) return hideSecrets(serializeError(value), depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => hideSecrets(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      SECRET_NAME.test(name) && field !== null && field !== undefined ? HIDDEN : hideSecrets(field, depth + 1),
    ]),
  );
}

function serializeError(error: Error): Record<string, unknown> {
  const code = (error as { code?: unknown }).code;
  const { stack } = error;
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    // A classified error is a sentence for a person; where it was thrown helps only for the others.
    ...(error instanceof AppError && error.code !== 'internal' ? { hint: error.hint } : { stack }),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}

const COLOURS: Record<string, string> = { debug: '90', info: '36', warn: '33', error: '31' };

/** One line of pino's JSON as one line for a person. Not a pino transport: that would cost every process a thread. */
export function prettyLine(json: string, colour: boolean): string {
  const { time, level, msg, name, err, ...rest } = JSON.parse(json) as Record<string, unknown>;
  const paint = (code: string, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const error = err as { message?: string; stack?: string } | undefined;
  const head = [
    paint('90', String(time).slice(11, 19)),
    paint(COLOURS[String(level)] ?? '0', String(level).padEnd(5)),
    ...(name === undefined ? [] : [paint('90', String(name))]),
    String(msg ?? ''),
    ...(error === undefined || msg === error.message ? [] : [error.message ?? '']),
    ...fields.map((field) => paint('90', field)),
  ].join(' ');
  return `${head}\n${error?.stack === undefined ? '' : `${paint('90', error.stack)}\n`}`;
}

function createLogger(level: LevelWithSilent): Logger {
  const pretty = process.stdout.isTTY === true;
  const destination = {
    write(line: string) {
      process.stdout.write(pretty ? prettyLine(line, true) : line);
    },
  };
  return pino(
    {
      level,
      base: undefined,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => hideSecrets(fields) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((arg) => (typeof arg === 'string' ? hideSecrets(arg) : arg)) as typeof args);
        },
      },
      // hideSecrets has turned errors into plain fields already; pino's own serializer would lose the cause.
      serializers: { err: (fields: unknown) => fields },
    },
    destination,
  );
}

let root: Logger | undefined;

/** The log of one part of a process: logger('worker').info({ runId }, 'run claimed'). Errors go under `err`. */
export function logger(name: string): Logger {
  root ??= createLogger(config().logLevel);
  return root.child({ name });
}
