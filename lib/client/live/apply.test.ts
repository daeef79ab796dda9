import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import type { RunView } from '#lib/contracts/runs.ts';
import { EXAMPLE_ID, exampleRun } from '../../../testing/example-run.ts';
import { keys } from '../keys.ts';
import { NewsDesk } from './apply.ts';

const ID = EXAMPLE_ID;
const VAULT = '01936c00-0000-7000-8000-00000000000a';
const RUN = exampleRun();

function newsroom() {
  const client = new QueryClient();
  let pending: (() => void) | undefined;
  const desk = new NewsDesk(client, (run) => {
    pending = run;
    return () => {
      pending = undefined;
    };
  });
  const reads: string[] = [];
  const watch = (queryKey: readonly unknown[], data: unknown) => {
    client.setQueryData(queryKey, data);
    const observer = new QueryObserver(client, {
      queryKey,
      queryFn: () => {
        reads.push(JSON.stringify(queryKey));
        return data;
      },
      staleTime: Number.POSITIVE_INFINITY,
    });
    observer.subscribe(() => {});
  };
  return {
    client,
    desk,
    reads,
    watch,
    settle: async () => {
      pending?.();
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}

const progress = (bytesDone: number) => ({
  phase: 'read',
  phases: [],
  filesDone: 1,
  bytesDone,
  rate: 1,
  problems: 0,
});

test('progress is merged into the run, the lists and the active ones without reading anything', async () => {
  const { client, desk, reads, watch, settle } = newsroom();
  watch(keys.runs.one(ID), RUN);
  watch(keys.runs.list({}), { pages: [{ items: [RUN], nextCursor: null }], pageParams: [null] });
  watch(keys.runs.active, [RUN]);
  desk.take({ type: 'run', runId: ID, version: 2, state: 'running', outcome: null, progress: progress(7) });
  await settle();
  expect(client.getQueryData<RunView>(keys.runs.one(ID))?.progress?.bytesDone).toBe(7);
  expect(client.getQueryData<RunView[]>(keys.runs.active)?.[0]?.version).toBe(2);
  const list = client.getQueryData<{ pages: { items: RunView[] }[] }>(keys.runs.list({}));
  expect(list?.pages[0]?.items[0]?.version).toBe(2);
  expect(reads).toEqual([]);
});

test('an end reads the run and what it changed once, and nothing else', async () => {
  const { desk, reads, watch, settle } = newsroom();
  watch(keys.runs.one(ID), RUN);
  watch(keys.sources.list, []);
  watch(keys.session, {});
  watch(keys.workers.list, []);
  desk.take({ type: 'run', runId: ID, version: 2, state: 'finished', outcome: 'succeeded', progress: null });
  desk.take({ type: 'run', runId: ID, version: 2, state: 'finished', outcome: 'succeeded', progress: null });
  await settle();
  expect(reads.sort()).toEqual([JSON.stringify(keys.runs.one(ID)), JSON.stringify(keys.sources.list)]);
});

test('a change of one vault leaves other vaults and other nouns alone', async () => {
  const { desk, reads, watch, settle } = newsroom();
  watch(keys.vaults.one(VAULT), {});
  watch(keys.vaults.one('another'), {});
  watch(keys.sources.list, []);
  desk.take({ type: 'changed', noun: 'vault', id: VAULT });
  await settle();
  expect(reads).toEqual([JSON.stringify(keys.vaults.one(VAULT))]);
});

test('log lines reach only a log that is open', () => {
  const { client, desk } = newsroom();
  const line = { id: '1', at: '2026-11-20T10:00:00Z', level: 'info' as const, message: 'Started.', detail: null };
  desk.take({ type: 'run-log', runId: ID, lines: [line] });
  expect(client.getQueryData(keys.runs.log(ID))).toBeUndefined();
  client.setQueryData(keys.runs.log(ID), { lines: [], readTo: undefined });
  desk.take({ type: 'run-log', runId: ID, lines: [line] });
  expect(client.getQueryData<{ lines: unknown[] }>(keys.runs.log(ID))?.lines).toEqual([line]);
});

test('a reopened stream reads what shows runs and their results', async () => {
  const { desk, reads, watch, settle } = newsroom();
  watch(keys.runs.one(ID), RUN);
  watch(keys.session, {});
  desk.resync();
  await settle();
  expect(reads).toEqual([JSON.stringify(keys.runs.one(ID))]);
});

test('while nothing runs, a poll reads what changes without news: workers, vaults and what shows them', async () => {
  const room = newsroom();
  const silent = [keys.overview, keys.workers.list, keys.vaults.list, keys.sources.list];
  for (const key of silent) room.watch(key, []);
  room.watch(keys.runs.active, []);
  expect(room.desk.anythingUnderWay()).toBe(false);
  room.desk.readAgain('silent');
  await room.settle();
  expect(room.reads.sort()).toEqual(silent.map((key) => JSON.stringify(key)).sort());
});
