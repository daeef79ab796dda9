import { expect, test } from 'vitest';
import type { LiveEvent } from '#lib/contracts/events.ts';
import { type ChannelLike, LiveConnection, type LiveDoor, type LiveState, type StreamLike } from './connection.ts';

/** Several tabs of one browser: a shared lock, a shared channel, streams and timers the test moves by hand. */
class Browser {
  readonly streams: (StreamLike & { closed: boolean })[] = [];
  readonly timers: { run: () => void; ms: number; done: boolean }[] = [];
  private readonly channels = new Set<ChannelLike>();
  private readonly waiting: (() => void)[] = [];
  private held = false;

  door(options: { locks?: boolean } = {}): LiveDoor {
    return {
      openStream: () => {
        const stream = {
          onopen: null,
          onerror: null,
          onnews: null,
          onheartbeat: null,
          closed: false,
          close() {
            stream.closed = true;
          },
        } as StreamLike & { closed: boolean };
        this.streams.push(stream);
        return stream;
      },
      openChannel: () => {
        const channel: ChannelLike = {
          onmessage: null,
          post: (message) => {
            for (const other of this.channels) if (other !== channel) other.onmessage?.(message);
          },
          close: () => this.channels.delete(channel),
        };
        this.channels.add(channel);
        return channel;
      },
      lock:
        options.locks === false
          ? undefined
          : (_name, signal, hold) =>
              new Promise((resolve, reject) => {
                signal.addEventListener('abort', () => reject(new Error('aborted')));
                const take = () => {
                  if (signal.aborted) {
                    this.next();
                    return;
                  }
                  this.held = true;
                  void hold().then(() => {
                    resolve();
                    this.next();
                  });
                };
                if (this.held) this.waiting.push(take);
                else take();
              }),
      setTimer: (run, ms) => {
        const timer = { run, ms, done: false };
        this.timers.push(timer);
        return () => {
          timer.done = true;
        };
      },
      random: () => 1,
    };
  }

  private next(): void {
    this.held = false;
    this.waiting.shift()?.();
  }

  /** Runs the newest timer that waits. */
  fire(): number {
    const timer = this.timers.findLast((one) => !one.done);
    if (timer === undefined) throw new Error('no timer waits');
    timer.done = true;
    timer.run();
    return timer.ms;
  }

  get open() {
    return this.streams.filter((stream) => !stream.closed);
  }
}

function tab(browser: Browser, options?: { locks?: boolean }) {
  const events: LiveEvent[] = [];
  const states: LiveState[] = [];
  const seen = { events, states, resyncs: 0 };
  const connection = new LiveConnection('/api/events', browser.door(options), {
    onEvent: (event) => events.push(event),
    onResync: () => {
      seen.resyncs += 1;
    },
    onState: (state) => states.push(state),
  });
  connection.start();
  return { connection, ...seen, resyncs: () => seen.resyncs };
}

const NEWS: LiveEvent = { type: 'changed', noun: 'vault', id: 'v1' };
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

test('two tabs share one stream and both hear the news', () => {
  const browser = new Browser();
  const first = tab(browser);
  const second = tab(browser);
  expect(browser.streams).toHaveLength(1);
  browser.streams[0]?.onopen?.();
  browser.streams[0]?.onnews?.(JSON.stringify(NEWS));
  expect(first.events).toEqual([NEWS]);
  expect(second.events).toEqual([NEWS]);
  expect(first.states.at(-1)).toBe('live');
  expect(second.states.at(-1)).toBe('live');
});

test('a tab opened later learns at once that news flows', () => {
  const browser = new Browser();
  tab(browser);
  browser.streams[0]?.onopen?.();
  expect(tab(browser).states.at(-1)).toBe('live');
});

test('when the tab with the stream closes, another opens one', async () => {
  const browser = new Browser();
  const first = tab(browser);
  const second = tab(browser);
  browser.streams[0]?.onopen?.();
  first.connection.stop();
  await settle();
  expect(browser.open).toHaveLength(1);
  browser.open[0]?.onopen?.();
  browser.open[0]?.onnews?.(JSON.stringify(NEWS));
  expect(second.events).toEqual([NEWS]);
  expect(first.events).toEqual([]);
  expect(second.resyncs()).toBe(2);
});

test('a broken stream comes back with growing pauses, and each return asks for snapshots in every tab', () => {
  const browser = new Browser();
  const first = tab(browser);
  const second = tab(browser);
  browser.streams[0]?.onopen?.();
  browser.streams[0]?.onerror?.();
  expect(first.states.at(-1)).toBe('retrying');
  expect(second.states.at(-1)).toBe('retrying');
  const pauses = [browser.fire()];
  for (let turn = 0; turn < 6; turn += 1) {
    browser.open[0]?.onerror?.();
    pauses.push(browser.fire());
  }
  expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  browser.open[0]?.onopen?.();
  expect(first.resyncs()).toBe(2);
  expect(second.resyncs()).toBe(2);
  browser.open[0]?.onerror?.();
  expect(browser.fire()).toBe(500);
});

test('a stream whose heartbeat stopped counts as broken', () => {
  const browser = new Browser();
  const only = tab(browser);
  browser.streams[0]?.onopen?.();
  expect(browser.timers).toHaveLength(0);
  browser.streams[0]?.onheartbeat?.();
  expect(browser.fire()).toBe(45_000);
  expect(only.states.at(-1)).toBe('retrying');
  expect(browser.open).toHaveLength(0);
});

test('without locks each tab holds its own stream', () => {
  const browser = new Browser();
  const first = tab(browser, { locks: false });
  const second = tab(browser, { locks: false });
  expect(browser.open).toHaveLength(2);
  browser.streams[0]?.onopen?.();
  browser.streams[0]?.onnews?.(JSON.stringify(NEWS));
  expect(first.events).toHaveLength(1);
  expect(second.events).toHaveLength(0);
});

test('what is not understood is skipped and breaks nothing', () => {
  const browser = new Browser();
  const only = tab(browser);
  browser.streams[0]?.onopen?.();
  browser.streams[0]?.onnews?.('not json');
  browser.streams[0]?.onnews?.('{"type":"invented-later"}');
  browser.streams[0]?.onnews?.(JSON.stringify(NEWS));
  expect(only.events).toEqual([NEWS]);
});

test('a stopped connection opens nothing any more', async () => {
  const browser = new Browser();
  const only = tab(browser);
  browser.streams[0]?.onopen?.();
  browser.streams[0]?.onerror?.();
  only.connection.stop();
  await settle();
  expect(browser.open).toHaveLength(0);
  expect(browser.timers.every((timer) => timer.done)).toBe(true);
});
