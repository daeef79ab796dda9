// Keeps a stream of values to at most one per interval. The newest value always gets through in the end; older ones are dropped.

export interface Throttle<T> {
  push(value: T): void;
  /** Emits what is waiting, now. */
  flush(): void;
  /** Drops what is waiting and accepts nothing more. */
  stop(): void;
}

/** `emit` must not throw. Intervals are milliseconds between the starts of two emissions. */
export function throttle<T>(intervalMs: number, emit: (value: T) => void): Throttle<T> {
  let waiting: { value: T } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let last = Number.NEGATIVE_INFINITY;
  let stopped = false;

  function run(): void {
    clearTimeout(timer);
    timer = undefined;
    if (!waiting) return;
    const { value } = waiting;
    waiting = undefined;
    last = performance.now();
    emit(value);
  }

  return {
    push(value) {
      if (stopped) return;
      waiting = { value };
      if (timer) return;
      const wait = last + intervalMs - performance.now();
      if (wait <= 0) run();
      else timer = setTimeout(run, wait);
    },
    flush: run,
    stop() {
      stopped = true;
      waiting = undefined;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** News of one run's progress: at most two a second. */
export const COURIER_INTERVAL_MS = 500;
/** Writes of one run's progress to its row: at most one a second. */
export const ROW_INTERVAL_MS = 1_000;
