// Starts the built Holdfast the way `npm start` does after its preparations: the supervisor with private PostgreSQL, web and
// worker, on a free port and a data folder of its own. It can be stopped and started again on the same folder and port, as a
// person does after a crash.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#lib/embedded/port.ts';

const READY_TIMEOUT_MS = 90_000;
/** What the screenshots of the README show as path: a folder that a person might have. */
const SCREENSHOT_ROOT = '/srv/example';

export class Instance {
  readonly url: string;
  /** Folder for sources, vaults and restores of the stories. */
  readonly root: string;
  readonly dataDir: string;
  readonly #port: number;
  #child: ChildProcess | undefined;
  #output = '';
  /** Where the output of the running start begins. */
  #outputFrom = 0;

  private constructor(root: string, port: number) {
    this.root = root;
    this.dataDir = join(root, 'holdfast');
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async make(): Promise<Instance> {
    const root = await makeRoot();
    // As root the private PostgreSQL runs under another user, who must be able to pass through.
    await chmod(root, 0o755);
    return new Instance(root, await freePort());
  }

  get output(): string {
    return this.#output;
  }

  /** Process id of the supervisor, while it runs. */
  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  /** Resolves once it is ready; with the set-up token, or null when set-up is done. */
  async start(): Promise<string | null> {
    if (this.pid !== undefined) throw new Error('the instance runs already');
    this.#outputFrom = this.#output.length;
    const child = spawn('node_modules/.bin/node', ['lib/embedded/main.ts'], {
      env: {
        ...process.env,
        NODE_ENV: 'production',
        HOLDFAST_DATA_DIR: this.dataDir,
        HOLDFAST_PORT: String(this.#port),
        HOLDFAST_WORKER_NAME: 'office',
        DATABASE_URL: '',
        REDIS_URL: '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    return this.#untilReady(child);
  }

  /** Asks it to stop, as Ctrl-C does, and waits for the end. */
  async stop(): Promise<void> {
    if (this.pid !== undefined) this.#child?.kill('SIGTERM');
    await this.untilEnded();
  }

  async untilEnded(): Promise<void> {
    if (this.pid !== undefined && this.#child !== undefined) await once(this.#child, 'exit');
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.root, { recursive: true, force: true });
  }

  async #untilReady(child: ChildProcess): Promise<string | null> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const said = this.#output.slice(this.#outputFrom);
      // The whole block, to its last line: the token stands in the middle.
      if (/Holdfast is ready[\s\S]*Ctrl-C/.test(said)) return /set-up token\W+(\S+)/i.exec(said)?.[1] ?? null;
      if (this.pid === undefined)
        throw new Error(`Holdfast ended with ${child.exitCode} before it was ready:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    child.kill('SIGKILL');
    throw new Error(`Holdfast was not ready within ${READY_TIMEOUT_MS / 1000} s:\n${this.#output}`);
  }
}

async function makeRoot(): Promise<string> {
  if (process.env.HOLDFAST_SCREENSHOTS !== '1') return mkdtemp(join(tmpdir(), 'holdfast-e2e-'));
  // Without `recursive` it fails when the folder is there: it would be removed at the end.
  await mkdir(SCREENSHOT_ROOT);
  return SCREENSHOT_ROOT;
}
