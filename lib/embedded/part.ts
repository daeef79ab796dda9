// One process that the supervisor runs: its output line by line, when it is ready, how it ends. Parts are detached, so that
// Ctrl-C reaches the supervisor only, which then stops them in order. Its channel closes when the supervisor dies: they end then.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { AppError } from '../errors.ts';

const FOLLOW_SUPERVISOR = new URL(`./follow-supervisor.ts?supervisor=${process.pid}`, import.meta.url).href;
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface PartOptions {
  name: string;
  /** Arguments of Node. */
  args: string[];
  env: NodeJS.ProcessEnv;
  /** True for a program that knows nothing of supervisors: it gets follow-supervisor.ts. */
  foreign?: boolean;
  /** The line that says it is ready; it is not shown. */
  readyLine?: string;
  /** Gets each other line of its output. */
  onLine: (line: string) => void;
  /** Gets what it sends over its channel. */
  onMessage?: (message: unknown) => void;
}

export interface Part {
  readonly name: string;
  /** Resolves with how it ended, as words. */
  readonly exited: Promise<string>;
  /** Resolves when the part printed its ready line. */
  readonly saidReady: Promise<void>;
  /** Asks it to stop, and kills it when it has not within the patience. */
  stop(patienceMs: number): Promise<void>;
  kill(): void;
}

export function startPart(options: PartOptions): Part {
  const child = spawn(
    process.execPath,
    [...(options.foreign === true ? ['--import', FOLLOW_SUPERVISOR] : []), ...options.args],
    {
      cwd: ROOT,
      env: options.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    },
  );
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `killed by ${signal}`));
  });
  if (options.onMessage !== undefined) child.on('message', options.onMessage);
  const saidReady = new Promise<void>((resolve) => {
    const onLine = (line: string) => (line === options.readyLine ? resolve() : options.onLine(line));
    for (const stream of [child.stdout, child.stderr]) eachLine(stream, onLine);
  });
  return {
    name: options.name,
    exited,
    saidReady,
    async stop(patienceMs) {
      if (hasEnded(child)) return;
      child.kill('SIGTERM');
      const patience = new AbortController();
      const outcome = await Promise.race([
        exited,
        sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
      ]);
      patience.abort();
      if (outcome === undefined) killGroup(child);
      await exited;
    },
    kill: () => killGroup(child),
  };
}

/** Resolves when the part is ready; AppError when it ends before, or takes longer. */
export async function untilReady(part: Part, ready: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  try {
    const ended = await Promise.race([
      ready.then(() => undefined),
      part.exited,
      sleep(timeoutMs, `not ready after ${timeoutMs / 1000} s`, { signal: timer.signal }),
    ]);
    if (ended === undefined) return;
    throw new AppError('unavailable', {
      message: `The ${part.name} did not start (${ended}).`,
      hint: 'Its last lines above say why.',
    });
  } finally {
    timer.abort();
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Detached made it the leader of a group: its own children go with it. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It ended in between.
  }
}

function eachLine(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream === null) return;
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine);
}
