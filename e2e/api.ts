// The console's API as a program would call it: to look behind the screens, and to prepare what a story is not about.

import type { OverviewView } from '#lib/contracts/overview.ts';
import type { RecoveryPointView } from '#lib/contracts/recovery-points.ts';
import type { RunView } from '#lib/contracts/runs.ts';
import type { SourceView } from '#lib/contracts/sources.ts';
import type { VaultView } from '#lib/contracts/vaults.ts';
import type { WorkerView } from '#lib/contracts/workers.ts';
import { instance } from './running.ts';

const POLL_MS = 100;

export class Api {
  readonly #cookie: string;

  constructor(cookie: string) {
    this.#cookie = cookie;
  }

  get = <T>(path: string) => this.#ask<T>('GET', path);
  post = <T>(path: string, body: unknown) => this.#ask<T>('POST', path, body);

  overview = () => this.get<OverviewView>('/overview');
  run = (id: string) => this.get<RunView>(`/runs/${id}`);
  vaults = async () => (await this.get<{ items: VaultView[] }>('/vaults?limit=200')).items;
  sources = async () => (await this.get<{ items: SourceView[] }>('/sources?limit=200')).items;
  workers = async () => (await this.get<{ items: WorkerView[] }>('/workers?limit=200')).items;
  /** Newest first. */
  points = async (sourceId: string) =>
    (await this.get<{ items: RecoveryPointView[] }>(`/recovery-points?sourceId=${sourceId}&limit=200`)).items;

  async addSource(name: string, path: string, workerName = 'office'): Promise<SourceView> {
    const worker = (await this.workers()).find((each) => each.name === workerName);
    if (worker === undefined) throw new Error(`there is no worker ${workerName}`);
    return this.post('/sources', { name, workerId: worker.id, config: { kind: 'directory', path, excludes: [] } });
  }

  /** Asks for a backup into the given vault, or the first one. */
  async backUp(sourceId: string, vaultId?: string): Promise<RunView> {
    const into = vaultId ?? (await this.vaults()).find((vault) => vault.name === 'Cellar')?.id;
    return this.post(`/sources/${sourceId}/backups`, { vaultId: into });
  }

  /** `see` gets every answer on the way. */
  async untilRun(
    id: string,
    wanted: (run: RunView) => boolean,
    timeoutMs = 60_000,
    see: (run: RunView) => void = () => {},
  ): Promise<RunView> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const run = await this.run(id);
      see(run);
      if (wanted(run)) return run;
      if (Date.now() > deadline) throw new Error(`run ${id} did not get there in time: ${JSON.stringify(run)}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  untilFinished = (id: string, timeoutMs?: number, see?: (run: RunView) => void) =>
    this.untilRun(id, (run) => run.state === 'finished', timeoutMs, see);

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${instance.url}/api/v1${path}`, {
      method,
      headers: { cookie: this.#cookie, origin: instance.url, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }
}
