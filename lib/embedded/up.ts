// The supervisor behind `npm start`: PostgreSQL (unless DATABASE_URL leads to one), migrations, web server, worker.
// Order up: lock, port, database, migrations, web and worker. Order down: the worker first, so that its runs end properly while
// the database is there to say so; then the web server; PostgreSQL last. One part that dies takes the others down in order.

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Config, config, ownProcessEnvironment, readEnvFile, setDatabaseUrl } from '../config.ts';
import { AppError, isAppError } from '../errors.ts';
import { prettyLine } from '../logger.ts';
import { type FolderLock, lockDataFolder, prepareDataFolder } from './data-folder.ts';
import { type Part, ROOT, startPart, untilReady } from './part.ts';
import { requireFreePort } from './port.ts';
import { type PrivatePostgres, startPrivatePostgres } from './postgres.ts';
import type { Prepared } from './prepare.ts';

const READY_TIMEOUT_MS = 60_000;
const HEALTH_POLL_MS = 100;
/** A worker that is asked to stop ends its runs between two blobs and gives back its locks. */
const WORKER_STOP_MS = 60_000;
/** Requests in flight finish; event streams are closed at once. */
const WEB_STOP_MS = 10_000;
/** Ctrl-C reaches npm, its scripts and the supervisor, and some of them pass it on: within this time it is one key press. */
const SAME_KEY_PRESS_MS = 700;

export interface UpOptions {
  /** For contributors: pages are compiled on request, and the worker starts again when its sources change. */
  dev?: boolean;
}

/** Runs everything until it is stopped. Resolves with the exit code: 0 when asked to stop, 1 when a part failed. */
export async function up(options: UpOptions = {}): Promise<number> {
  const supervisor = new Supervisor(options);
  return supervisor.run();
}

/** The checks of a start that need no database: `npm start` asks before it builds. Prints the sentence; true when all is well. */
export async function preflight(): Promise<boolean> {
  try {
    const settings = readSettings();
    await prepareDataFolder(settings.dataDir, settings.databaseUrl === undefined);
    lockDataFolder(settings.dataDir).release();
    await requireFreePort(settings.host, settings.port, mayBeEnding(settings));
    return true;
  } catch (error) {
    printError(error);
    return false;
  }
}

class Supervisor {
  readonly #options: UpOptions;
  readonly #stopAsked = new AbortController();
  #lastSignalAt = 0;
  #lock: FolderLock | undefined;
  #postgres: PrivatePostgres | undefined;
  #web: Part | undefined;
  #worker: Part | undefined;
  #ready = false;
  readonly #greeting: string[] = [];

  constructor(options: UpOptions) {
    this.#options = options;
  }

  async run(): Promise<number> {
    // A terminal that went away must not keep us from stopping in order.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.#onSignal());
    let code = 0;
    try {
      const settings = readSettings();
      const setupToken = await this.#start(settings);
      if (setupToken !== undefined) {
        this.#ready = true;
        printReady(settings.url, setupToken);
        await this.#untilStopOrDeath();
      }
    } catch (error) {
      code = 1;
      if (!this.#ready) for (const line of this.#greeting) printLine('web', line);
      printError(error);
    }
    await this.#stop();
    return code;
  }

  /** The set-up token (null: not needed any more), or undefined when a signal came in between. */
  async #start(settings: Config): Promise<string | null | undefined> {
    const stopping = () => this.#stopAsked.signal.aborted;
    await prepareDataFolder(settings.dataDir, settings.databaseUrl === undefined);
    this.#lock = lockDataFolder(settings.dataDir);
    await requireFreePort(settings.host, settings.port, mayBeEnding(settings));
    if (settings.databaseUrl === undefined) {
      this.#postgres = await startPrivatePostgres({ folder: join(settings.dataDir, 'postgres') });
      setDatabaseUrl(this.#postgres.url);
    }
    if (stopping()) return undefined;
    const { setupToken } = await prepareDatabase();
    if (stopping()) return undefined;
    this.#web = startPart({
      name: 'web server',
      foreign: true,
      args: webCommand(settings, this.#options.dev === true),
      env: ownProcessEnvironment({
        NODE_ENV: this.#options.dev === true ? 'development' : 'production',
        NEXT_TELEMETRY_DISABLED: '1',
        // Each vault on a share that hangs keeps one thread of Node's four (lib/services/store-health.ts).
        UV_THREADPOOL_SIZE: '16',
        PATH: pathWithPinnedNode(),
      }),
      onLine: (line) => this.#onWebLine(line),
    });
    this.#worker = startPart({
      name: 'worker',
      readyLine: 'worker ready',
      args: [...(this.#options.dev === true ? ['--watch', '--watch-preserve-output'] : []), 'workers/main.ts'],
      env: ownProcessEnvironment({
        NODE_ENV: this.#options.dev === true ? 'development' : 'production',
        PATH: pathWithPinnedNode(),
      }),
      onLine: (line) => printLine('worker', line),
    });
    const ready = Promise.all([
      untilReady(this.#web, untilHealthy(settings, this.#web), READY_TIMEOUT_MS),
      untilReady(this.#worker, this.#worker.saidReady, READY_TIMEOUT_MS),
    ]);
    const stopped = await Promise.race([ready.then(() => false), this.#stopSignal().then(() => true)]);
    // Stopping makes the parts end before they are ready: that is no news.
    ready.catch(() => {});
    return stopped ? undefined : setupToken;
  }

  /** Resolves when asked to stop; throws when a part died. */
  async #untilStopOrDeath(): Promise<void> {
    const parts = [this.#web, this.#worker].filter((part) => part !== undefined);
    const deaths = parts.map((part) =>
      part.exited.then((how) => death(`The ${part.name} ended unexpectedly (${how})`)),
    );
    const postgres = this.#postgres;
    if (postgres !== undefined) {
      deaths.push(
        postgres.exited.then(() => death(`The private PostgreSQL ended unexpectedly (${postgres.lastLines().at(-1)})`)),
      );
    }
    const error = await Promise.race([...deaths, this.#stopSignal()]);
    if (error !== undefined) throw error;
  }

  async #stopSignal(): Promise<undefined> {
    const { signal } = this.#stopAsked;
    if (!signal.aborted) await once(signal, 'abort');
  }

  /** Next greets with where it listens, which is not where browsers go: shown only when it does not get ready. */
  #onWebLine(line: string): void {
    if (this.#options.dev === true || this.#ready) printLine('web', line);
    else this.#greeting.push(line);
  }

  #onSignal(): void {
    const now = Date.now();
    if (now - this.#lastSignalAt < SAME_KEY_PRESS_MS) return;
    this.#lastSignalAt = now;
    if (!this.#stopAsked.signal.aborted) {
      this.#stopAsked.abort();
      return;
    }
    say('Stopping at once: runs that were working will be marked lost.');
    this.#worker?.kill();
    this.#web?.kill();
  }

  async #stop(): Promise<void> {
    if (this.#worker !== undefined || this.#web !== undefined) say('Stopping. Ctrl-C again stops at once.');
    // A signal while stopping because of a death counts as the second one.
    this.#stopAsked.abort();
    await this.#worker?.stop(WORKER_STOP_MS);
    await this.#web?.stop(WEB_STOP_MS);
    await this.#postgres?.stop();
    this.#lock?.release();
  }
}

function readSettings(): Config {
  readEnvFile(join(ROOT, '.env'));
  const settings = config();
  for (const name of settings.unknownVariables) say(`${name} is set but means nothing to Holdfast; see .env.example.`);
  return settings;
}

/** PostgreSQL takes its pid file away when it is stopped in order; about a server elsewhere we know nothing. */
function mayBeEnding(settings: Config): boolean {
  if (settings.databaseUrl !== undefined) return true;
  return existsSync(join(settings.dataDir, 'postgres', 'cluster', 'postmaster.pid'));
}

async function prepareDatabase(): Promise<{ setupToken: string | null }> {
  let answer: Prepared | undefined;
  const part = startPart({
    name: 'preparation of the database',
    args: [fileURLToPath(new URL('./prepare.ts', import.meta.url))],
    env: ownProcessEnvironment(),
    onLine: (line) => printLine('db', line),
    onMessage: (message) => {
      answer = message as Prepared;
    },
  });
  const how = await part.exited;
  if (answer?.type === 'prepared') return answer;
  if (answer?.type === 'failed') {
    throw new AppError('internal', { message: answer.stack ?? answer.message, hint: answer.hint });
  }
  throw new AppError('internal', `The preparation of the database ended unexpectedly (${how}).`);
}

function webCommand(settings: Config, dev: boolean): string[] {
  if (!dev && !existsSync(join(ROOT, '.next', 'BUILD_ID'))) {
    throw new AppError('unavailable', {
      message: 'The pages of the console are not built.',
      hint: 'Start with "npm start", which builds them when their sources changed.',
    });
  }
  const next = join(ROOT, 'node_modules', 'next', 'dist', 'bin', 'next');
  return [next, dev ? 'dev' : 'start', '--hostname', settings.host, '--port', String(settings.port)];
}

async function untilHealthy(settings: Config, web: Part): Promise<void> {
  const everywhere: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const host = everywhere[settings.host] ?? settings.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${settings.port}/api/health`;
  const ended = web.exited.then(() => true);
  for (;;) {
    const healthy = await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy || (await Promise.race([ended, sleep(HEALTH_POLL_MS, false)]))) return;
  }
}

/** `node` in a child means the pinned one, also where the system's comes first. */
function pathWithPinnedNode(): string {
  return `${join(ROOT, 'node_modules', '.bin')}:${ownProcessEnvironment().PATH ?? ''}`;
}

function death(message: string): AppError {
  return new AppError('unavailable', { message: `${message}: stopping everything.` });
}

/** Lines of our log are for people on a terminal and stay JSON elsewhere; other output gets the name of who said it. */
function printLine(name: string, line: string): void {
  if (line.trim() === '') return;
  if (line.startsWith('{')) {
    try {
      process.stdout.write(process.stdout.isTTY ? prettyLine(line, true) : `${line}\n`);
      return;
    } catch {
      // Not JSON after all: printed as any other line.
    }
  }
  process.stdout.write(`${name.padEnd(6)} | ${line}\n`);
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

function printReady(url: string, setupToken: string | null): void {
  const token = setupToken === null ? '' : `  Set-up token:       ${setupToken}\n`;
  process.stdout.write(`\n  Holdfast is ready:  ${url}\n${token}  Ctrl-C stops it.\n\n`);
}

/** What went wrong and what to do: no stack for what was foreseen. */
function printError(error: unknown): void {
  const text = isAppError(error)
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  const hint = isAppError(error) && error.hint !== undefined ? `${error.hint}\n` : '';
  process.stderr.write(`\n${text}\n${hint}`);
}
