// The only reader of process.env. Nothing is required; what is given is checked once, and a wrong value stops the start
// with a sentence and its remedy. Every variable is explained in .env.example. A variable set to nothing counts as not set.

import { existsSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { AppError } from './errors.ts';

const MASTER_KEY_BYTES = 32;
const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

const absoluteFolder = z
  .string()
  .refine(isAbsolute, 'is not an absolute path. Give one that starts with "/"; "~" is not expanded.');

const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d+$/, `is not a whole number. Give one from ${from} to ${to}.`)
    .transform(Number)
    .refine((value) => value >= from && value <= to, `is out of range. Give a whole number from ${from} to ${to}.`);

const yesOrNo = z.stringbool({ error: 'is neither yes nor no. Give "true" or "false".' });

function serverUrl(schemes: string[], example: string) {
  return z.string().refine((value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url !== undefined && schemes.includes(url.protocol);
  }, `is not an address of the form ${example}.`);
}

const origin = z
  .string()
  .refine((value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    return url !== undefined && ['http:', 'https:'].includes(url.protocol) && url.pathname === '/' && url.search === '';
  }, 'is not a web address without a path. Give one like https://backup.example.org.')
  .transform((value) => new URL(value).origin);

const masterKey = z
  .base64('is not base64. Make one with: openssl rand -base64 32')
  .transform((value) => Buffer.from(value, 'base64'))
  .refine(
    (key) => key.length === MASTER_KEY_BYTES,
    `does not hold ${MASTER_KEY_BYTES} bytes. Make one with: openssl rand -base64 32`,
  );

/** Every variable that means something to Holdfast. */
const environment = z.object({
  HOLDFAST_DATA_DIR: absoluteFolder.optional(),
  HOLDFAST_HOST: z
    .string()
    .regex(/^[\w.:-]+$/, 'is not a host name or an IP address. Give one like 127.0.0.1, without port.')
    .default('127.0.0.1'),
  HOLDFAST_PORT: wholeNumber(1, 65_535).default(8420),
  HOLDFAST_URL: origin.optional(),
  HOLDFAST_TRUST_PROXY: yesOrNo.default(false),
  HOLDFAST_MASTER_KEY: masterKey.optional(),
  HOLDFAST_WORKER_NAME: z
    .string()
    .max(80, 'is longer than 80 characters. Give a shorter name.')
    .regex(/^[^\p{Cc}]+$/u, 'holds control characters. Give a name of one line.')
    .optional(),
  HOLDFAST_WORKER_CONCURRENCY: wholeNumber(1, 64).default(2),
  HOLDFAST_LOG_LEVEL: z.enum(LOG_LEVELS, `is not a log level. Give one of ${LOG_LEVELS.join(', ')}.`).default('info'),
  HOLDFAST_DATABASE_CONNECTIONS: wholeNumber(2, 200).default(10),
  DATABASE_URL: serverUrl(
    ['postgresql:', 'postgres:'],
    'postgresql://user:password@host:5432/database (special characters of the password as %XX)',
  ).optional(),
  REDIS_URL: serverUrl(['redis:', 'rediss:'], 'redis://user:password@host:6379/0').optional(),
  NODE_ENV: z.string().default('development'),
  XDG_DATA_HOME: z.string().optional(),
  HOME: z.string().optional(),
});

export interface Config {
  /** Private PostgreSQL, master key, worker id, caches. */
  readonly dataDir: string;
  /** Where the web server listens. */
  readonly host: string;
  readonly port: number;
  /** Origin under which browsers reach the console; never ends in "/". */
  readonly url: string;
  /** Cookies get `Secure` and answers HSTS: true when `url` is https. */
  readonly secure: boolean;
  /** Believe X-Forwarded-For from the peer: only behind a proxy that sets it. */
  readonly trustProxy: boolean;
  /** 32 bytes; without it the key is kept in a file of the data folder. */
  readonly masterKey: Buffer | undefined;
  readonly workerName: string;
  /** How many runs one worker works at once. */
  readonly workerConcurrency: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Undefined means the private PostgreSQL; the supervisor sets it for the processes it starts. */
  readonly databaseUrl: string | undefined;
  /** Connections of one process to PostgreSQL, at most. */
  readonly databaseConnections: number;
  /** Undefined means that the queue is kept in PostgreSQL as well. */
  readonly redisUrl: string | undefined;
  readonly production: boolean;
  /** Variables called HOLDFAST_… that mean nothing: misspelt ones, as a rule. Worth a warning at the start. */
  readonly unknownVariables: readonly string[];
}

/** Reads and checks an environment. Throws AppError `invalid-input` that names every wrong variable and its remedy. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    // Never the value itself: an address may carry a password.
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new AppError('invalid-input', {
      message: lines.join('\n'),
      hint: 'Change or remove it where it is set: the environment or the file .env. See .env.example.',
    });
  }
  const values = parsed.data;
  const url = values.HOLDFAST_URL ?? `http://${browsableHost(values.HOLDFAST_HOST)}:${values.HOLDFAST_PORT}`;
  return Object.freeze({
    dataDir: values.HOLDFAST_DATA_DIR ?? defaultDataDir(values.HOME, values.XDG_DATA_HOME),
    host: values.HOLDFAST_HOST,
    port: values.HOLDFAST_PORT,
    url,
    secure: url.startsWith('https:'),
    trustProxy: values.HOLDFAST_TRUST_PROXY,
    masterKey: values.HOLDFAST_MASTER_KEY,
    workerName: values.HOLDFAST_WORKER_NAME ?? hostname(),
    workerConcurrency: values.HOLDFAST_WORKER_CONCURRENCY,
    logLevel: values.HOLDFAST_LOG_LEVEL,
    databaseUrl: values.DATABASE_URL,
    databaseConnections: values.HOLDFAST_DATABASE_CONNECTIONS,
    redisUrl: values.REDIS_URL,
    production: values.NODE_ENV === 'production',
    unknownVariables: Object.keys(given).filter(
      (name) => name.startsWith('HOLDFAST_') && !name.startsWith('HOLDFAST_TEST_') && !(name in environment.shape),
    ),
  });
}

let cached: Config | undefined;

/** The configuration of this process, read once. */
export function config(): Config {
  cached ??= readConfig(process.env);
  return cached;
}

/** Makes the next config() read the environment again: for tests, and after `.env` was loaded. */
export function forgetConfig(): void {
  cached = undefined;
}

/** Reads a file of NAME=value lines into the environment, if it is there; what is set already wins. Entry points call it first. */
export function readEnvFile(file: string): void {
  if (!existsSync(file)) return;
  process.loadEnvFile(file);
  forgetConfig();
}

/** Leads this process to a database that it started or made itself. */
export function setDatabaseUrl(url: string): void {
  process.env.DATABASE_URL = url;
  forgetConfig();
}

/** The address of PostgreSQL, or AppError `unavailable` for a process that was started without one. */
export function databaseUrl(): string {
  const url = config().databaseUrl;
  if (url !== undefined) return url;
  throw new AppError('unavailable', {
    message: 'This process was told no database.',
    hint: 'Start everything with "npm start", or set DATABASE_URL (see .env.example).',
  });
}

/** The environment for a child that needs to find programs but none of our secrets; `more` is added. */
export function childEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
  const found = kept.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // Next declares NODE_ENV as always there; in a child that is not ours it has no meaning.
  return { ...Object.fromEntries(found), ...more } as NodeJS.ProcessEnv;
}

/** The whole environment of this process with `more`: only for our own processes (web, worker). */
export function ownProcessEnvironment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}

function defaultDataDir(home: string | undefined, xdgDataHome: string | undefined): string {
  if (process.getuid?.() === 0) return '/var/lib/holdfast';
  // The specification says that a relative XDG_DATA_HOME must be ignored.
  if (xdgDataHome !== undefined && isAbsolute(xdgDataHome)) return join(xdgDataHome, 'holdfast');
  return join(home ?? userInfo().homedir, '.local', 'share', 'holdfast');
}

/** A host a browser can open: "every address" is none. */
function browsableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
