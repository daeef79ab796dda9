// What news does to the query cache: progress is merged in place; anything a short event cannot carry marks exactly the
// queries that show it as stale, and only those on screen are read again.

import type { InfiniteData, QueryClient, QueryKey } from '@tanstack/react-query';
import type { LiveEvent } from '#lib/contracts/events.ts';
import type { OverviewView } from '#lib/contracts/overview.ts';
import type { RunLogLine, RunView } from '#lib/contracts/runs.ts';
import { keys } from '../keys.ts';
import type { RunLog } from '../queries/runs.ts';
import { mergeIntoList, mergeLog, mergeRunEvent, needsRow, type RunEvent } from './merge.ts';

type RunPages = InfiniteData<{ items: RunView[]; nextCursor: string | null }>;

/** Ten runs that start within a second are one reading of the list. */
const GATHER_MS = 300;

const RUN_KEYS: readonly QueryKey[] = [keys.runs.all, keys.overview];
/** What a finished run may have changed. */
const RESULT_KEYS: readonly QueryKey[] = [
  keys.sources.all,
  keys.vaults.all,
  keys.points.lists,
  keys.points.timelines,
  keys.workers.list,
  keys.plans.all,
];
/** What changes without anybody telling: a killed worker says nothing, and neither does a disk that is pulled out. */
const SILENT_KEYS: readonly QueryKey[] = [keys.overview, keys.workers.list, keys.vaults.list, keys.sources.list];
const POLLED: Record<'silent' | 'runs' | 'all', readonly QueryKey[]> = {
  silent: SILENT_KEYS,
  runs: [...RUN_KEYS, ...SILENT_KEYS],
  all: [...RUN_KEYS, ...RESULT_KEYS],
};

export class NewsDesk {
  private readonly client: QueryClient;
  private readonly setTimer: (run: () => void, ms: number) => () => void;
  private readonly stale = new Map<string, QueryKey>();
  private cancelTimer: (() => void) | undefined;

  constructor(client: QueryClient, setTimer: (run: () => void, ms: number) => () => void) {
    this.client = client;
    this.setTimer = setTimer;
  }

  take(event: LiveEvent): void {
    switch (event.type) {
      case 'run':
        this.takeRun(event);
        return;
      case 'run-log':
        this.takeLog(event.runId, event.lines);
        return;
      case 'changed':
        this.takeChange(event.noun, event.id);
    }
  }

  /** The stream (re)opened: what was missed meanwhile is read, as far as it is on screen. */
  resync(): void {
    for (const key of [...RUN_KEYS, ...RESULT_KEYS]) this.markStale(key);
  }

  /** Polling. A reading that is still under way is left to finish: on a slow network it would otherwise never. */
  readAgain(what: keyof typeof POLLED): void {
    for (const queryKey of POLLED[what]) {
      void this.client.invalidateQueries({ queryKey }, { cancelRefetch: false });
    }
  }

  anythingUnderWay(): boolean {
    if ((this.client.getQueryData<RunView[]>(keys.runs.active)?.length ?? 0) > 0) return true;
    const ones = this.client.getQueriesData<RunView>({ queryKey: keys.runs.ones, type: 'active' });
    return ones.some(([, run]) => run !== undefined && run.state !== 'finished');
  }

  stop(): void {
    this.cancelTimer?.();
    this.stale.clear();
  }

  private takeRun(event: RunEvent): void {
    let known = false;
    let moved = false;
    const see = (run: RunView | undefined) => {
      if (run === undefined || run.id !== event.runId) return;
      known = true;
      if (needsRow(run, event)) moved = true;
    };

    const one = this.client.getQueryData<RunView>(keys.runs.one(event.runId));
    see(one);
    if (one !== undefined) {
      const merged = mergeRunEvent(one, event);
      if (merged !== one) this.client.setQueryData(keys.runs.one(event.runId), merged);
    }

    for (const [key, pages] of this.client.getQueriesData<RunPages>({ queryKey: keys.runs.lists })) {
      if (pages === undefined) continue;
      let touched = false;
      const next = pages.pages.map((page) => {
        for (const run of page.items) see(run);
        const items = mergeIntoList(page.items, event);
        if (items === page.items) return page;
        touched = true;
        return { ...page, items };
      });
      if (touched) this.client.setQueryData<RunPages>(key, { ...pages, pages: next });
    }

    const active = this.client.getQueryData<RunView[]>(keys.runs.active);
    if (active !== undefined) {
      if (!active.some((run) => run.id === event.runId) && event.state !== 'finished') this.markStale(keys.runs.active);
      for (const run of active) see(run);
      const merged = mergeIntoList(active, event);
      if (merged !== active) this.client.setQueryData(keys.runs.active, merged);
    }

    const overview = this.client.getQueryData<OverviewView>(keys.overview);
    if (overview !== undefined) {
      for (const run of [...overview.running, ...overview.recent]) see(run);
      const running = mergeIntoList(overview.running, event);
      if (running !== overview.running) this.client.setQueryData<OverviewView>(keys.overview, { ...overview, running });
    }

    if (!known && event.state === 'running' && this.client.getQueryData(keys.runs.active) !== undefined) moved = true;
    if (known && !moved) return;
    // A run never seen here, or one that began or ended: the lists that hold runs and what a finished run changes.
    this.markStale(keys.runs.one(event.runId));
    this.markStale(keys.runs.lists);
    this.markStale(keys.runs.active);
    this.markStale(keys.overview);
    if (event.state === 'finished') {
      this.markStale(keys.runs.log(event.runId));
      this.markStale(keys.sources.all);
      this.markStale(keys.points.lists);
      this.markStale(keys.points.timelines);
      this.markStale(keys.vaults.all);
    }
  }

  private takeLog(runId: string, lines: readonly RunLogLine[]): void {
    this.client.setQueryData<RunLog>(keys.runs.log(runId), (old) => {
      if (old === undefined) return old;
      const merged = mergeLog(old.lines, lines);
      return merged === old.lines ? old : { ...old, lines: merged };
    });
  }

  private takeChange(noun: Extract<LiveEvent, { type: 'changed' }>['noun'], id: string): void {
    this.markStale(keys.overview);
    switch (noun) {
      case 'vault':
        this.markStale(keys.vaults.list);
        this.markStale(keys.vaults.one(id));
        return;
      case 'source':
        this.markStale(keys.sources.list);
        this.markStale(keys.sources.one(id));
        return;
      case 'recovery-point':
        this.markStale(keys.points.lists);
        this.markStale(keys.points.timelines);
        this.markStale(keys.points.one(id));
        return;
      case 'worker':
        this.markStale(keys.workers.list);
        this.markStale(keys.workers.one(id));
        return;
      case 'restore-plan':
        this.markStale(keys.plans.one(id));
    }
  }

  private markStale(key: QueryKey): void {
    this.stale.set(JSON.stringify(key), key);
    this.cancelTimer ??= this.setTimer(() => {
      this.cancelTimer = undefined;
      const due = [...this.stale.values()];
      this.stale.clear();
      for (const queryKey of due) void this.client.invalidateQueries({ queryKey });
    }, GATHER_MS);
  }
}
