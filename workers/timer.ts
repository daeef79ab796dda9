import { logger } from '#lib/logger.ts';

/**
 * Does something again and again, never twice at once. Failures are logged and the next turn comes all the same: these are duties
 * that must outlive a database that restarts. stop() waits for the turn in hand.
 */
export function repeat(
  everyMs: number,
  name: string,
  work: () => Promise<void>,
  options: { atOnce?: boolean } = {},
): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let turn: Promise<void> = Promise.resolve();

  function next(ms: number): void {
    timer = setTimeout(() => {
      turn = work()
        .catch((error) => logger('worker').warn({ err: error }, `${name} failed; trying again`))
        .then(() => {
          if (!stopped) next(everyMs);
        });
    }, ms);
  }
  next(options.atOnce ? 0 : everyMs);
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await turn;
    },
  };
}
