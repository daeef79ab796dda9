// A worker: registers itself, takes jobs from its queues, looks after lost runs, and stops in order.
// Prints "worker ready" when it takes jobs; the supervisor waits for that line.

import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { config, databaseUrl } from '#lib/config.ts';
import { disconnectDb } from '#lib/db/client.ts';
import { endLeasesOf } from '#lib/db/run-claims.ts';
import { heartbeat, markStopped, registerWorker, type WorkerIdentity } from '#lib/db/workers.ts';
import { CpuPool } from '#lib/engine/cpu/pool.ts';
import { removeDeadLocks } from '#lib/engine/repository/lock.ts';
import { isAppError } from '#lib/errors.ts';
import { closeCourier, courier, news } from '#lib/live/instance.ts';
import { logger } from '#lib/logger.ts';
import { openQueueConnection } from '#lib/queue/connection.ts';
import { closeQueues, queues } from '#lib/queue/instance.ts';
import { openVault } from '#lib/services/open-vault.ts';
import { reconcileVault } from '#lib/services/recovery-point-index.ts';
import { RunExecutor } from '#lib/services/run-execution.ts';
import { sweep } from '#lib/services/sweep.ts';
import { runBackup } from './handlers/backup.ts';
import { runCheck } from './handlers/check.ts';
import { handleListFolder } from './handlers/list-folder.ts';
import { makePlan } from './handlers/plan-restore.ts';
import { runRestore } from './handlers/restore.ts';
import { VERSION } from './handlers/version.ts';
import { type Runtime, startRuntime } from './runtime.ts';
import { repeat } from './timer.ts';
import { workerId as readWorkerId } from './worker-id.ts';
import { lockWorker } from './worker-lock.ts';

const HEARTBEAT_MS = 10_000;
const SWEEP_MS = 10_000;
/** A turn that hangs, at a database that does not answer, must not keep a worker from stopping its runs. */
const TIMERS_MS = 2_000;
/** What is about to end anyway may end. */
const GRACE_MS = 2_000;
/** The engine stops between blobs; a disk that hangs must not keep the process for ever. The lease deals with the rest. */
const LAST_MS = 20_000;

/** Not at the top level: a wrong configuration must come out as a sentence, not as a stack. */
const log = () => logger('worker');

async function main(): Promise<void> {
  const settings = config();
  const identity: WorkerIdentity = {
    id: await readWorkerId(settings.dataDir),
    name: settings.workerName,
    hostname: hostname(),
    platform: `${process.platform} ${process.arch}`,
    version: VERSION,
    pid: process.pid,
    concurrency: settings.workerConcurrency,
  };
  const workerId = identity.id;
  const lock = await lockWorker(settings.dataDir);
  const cpu = new CpuPool({});
  // The courier first: a cancel that is asked for while we start must find a listener.
  const [opened, connection] = await Promise.all([
    courier(),
    openQueueConnection({
      databaseUrl: databaseUrl(),
      redisUrl: settings.redisUrl,
      onError: (error) => log().warn({ err: error }, 'queue connection interrupted; reconnecting'),
    }),
    queues(),
    registerWorker(identity),
  ]);
  const orphans = await endLeasesOf(workerId);
  if (orphans > 0) log().warn({ runs: orphans }, 'the worker before this one left runs behind');
  const executor = new RunExecutor({
    workerId,
    courier: opened,
    work: {
      backup: (task) => runBackup(task, cpu),
      restore: (task) => runRestore(task, { workerId, cpu }),
      check: (task) => runCheck(task, cpu),
    },
  });
  const run = async ({ runId }: { runId: string }) => {
    log().info({ runId, outcome: await executor.execute(runId) }, 'run ended here');
  };
  const runtime = await startRuntime(
    connection,
    {
      backup: run,
      restore: run,
      check: run,
      'plan-restore': ({ planId }, signal) => makePlan(planId, { workerId, cpu }, signal),
      'list-folder': handleListFolder,
    },
    { workerId, concurrency: identity.concurrency },
  );
  const timers = [
    repeat(HEARTBEAT_MS, 'heartbeat', async () => {
      if (!(await heartbeat(workerId))) await registerWorker(identity);
    }),
    repeat(SWEEP_MS, 'sweep', () => sweepOnce(cpu), { atOnce: true }),
  ];
  news({ type: 'changed', noun: 'worker', id: workerId });

  /** Each step depends on the ones after it, so the order is theirs reversed. */
  const stop = async (): Promise<void> => {
    // No decision about other workers' runs by a process that is leaving.
    await Promise.race([Promise.all(timers.map((timer) => timer.stop())), sleep(TIMERS_MS)]);
    // Nothing new: what waits is delivered here after the restart.
    await runtime.pause();
    await graceful(executor, runtime);
    // All runs have written their end: only now may the row say that this worker stopped.
    executor.dispose();
    await markStopped(workerId);
    // The last news leaves before the courier closes.
    await opened.publish({ type: 'changed', noun: 'worker', id: workerId }).catch(() => {
      // News may be lost; the row is written.
    });
    await cpu.close();
    await connection.close();
    await closeQueues();
    await closeCourier();
    // Every step above may still write.
    await disconnectDb();
    // Last: from here on the next process may call what it finds orphaned.
    lock.release();
  };
  onStopSignals(stop);
  log().info({ workerId, concurrency: identity.concurrency, queue: connection.kind }, 'ready');
  process.stdout.write('worker ready\n');
}

async function graceful(executor: RunExecutor, runtime: Runtime): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  while (executor.runningCount > 0 && performance.now() < deadline) await sleep(50);
  executor.stopAll();
  await Promise.race([runtime.close(), sleep(LAST_MS, undefined, { ref: false })]);
  if (executor.runningCount > 0)
    log().error({ runs: executor.runningCount }, 'runs did not stop in time; they will be marked lost');
}

/** Vaults being mended now. One on a dead mount stays here for ever, alone: the sweep and the other vaults go on. */
const mending = new Set<string>();

async function sweepOnce(cpu: CpuPool): Promise<void> {
  const found = await sweep(new Date());
  if (found.lost.length + found.requeued.length + found.cancelled.length > 0) log().warn(found, 'swept');
  for (const vaultId of found.vaultsLeft) {
    if (mending.has(vaultId)) continue;
    mending.add(vaultId);
    void mendVault(vaultId, cpu).finally(() => mending.delete(vaultId));
  }
}

async function mendVault(vaultId: string, cpu: CpuPool): Promise<void> {
  try {
    const open = await openVault(vaultId, { cpu });
    try {
      // With the lock of the dead process gone, "restic check" and "restic prune" need not wait until it is stale.
      await removeDeadLocks(open.repository);
      await reconcileVault(vaultId, open.repository);
    } finally {
      await open.close();
    }
  } catch (error) {
    // Not reachable from here: the next backup into the vault reconciles it.
    log().warn({ err: error, vaultId }, 'vault not reconciled');
  }
}

function onStopSignals(stop: () => Promise<void>): void {
  let stopping = false;
  const begin = (why: string) => {
    if (stopping) {
      // Asked twice: whoever asks does not want to wait. The leases of the runs run out.
      log().warn({ why }, 'stopping at once');
      process.exit(1);
    }
    stopping = true;
    log().info({ why }, 'stopping');
    stop().then(
      () => process.exit(process.exitCode ?? 0),
      (error) => {
        log().error({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => begin('SIGTERM'));
  process.on('SIGINT', () => begin('SIGINT'));
  // Started by a supervisor that is gone: nobody would stop this process any more.
  if (process.channel) process.on('disconnect', () => begin('supervisor gone'));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log().fatal({ err: error }, event);
      process.exitCode = 1;
      begin(event);
    });
  }
}

main().catch((error) => {
  if (isAppError(error)) process.stderr.write(`${error.message}\n${error.hint ? `${error.hint}\n` : ''}`);
  else log().fatal({ err: error }, 'the worker could not start');
  process.exit(1);
});
