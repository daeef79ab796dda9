// One event stream per browser. A browser allows six HTTP/1.1 connections to a server; a stream in each of seven tabs would
// stop the console dead. So the tabs elect one (Web Locks) that holds the stream and passes the news on (BroadcastChannel).
// Where locks do not exist (plain http on another host than this one) each tab has its own stream.
//
// Rules: news may be missed, never trusted to be complete. Whenever a stream (re)opens, `onResync` fires in every tab, which
// reads snapshots; merging by version makes the order of the two harmless.

import { type LiveEvent, liveEvent } from '#lib/contracts/events.ts';

/** connecting: first try. live: news flows. retrying: the stream broke, screens poll meanwhile. off: not started. */
export type LiveState = 'off' | 'connecting' | 'live' | 'retrying';

/** What the connection needs of a browser; tests give their own. */
export interface LiveDoor {
  openStream(url: string): StreamLike;
  openChannel(name: string): ChannelLike | undefined;
  /** Calls `hold` while this tab is the elected one; resolves when hold's promise does. Undefined: no election possible. */
  lock: ((name: string, signal: AbortSignal, hold: () => Promise<void>) => Promise<void>) | undefined;
  setTimer(run: () => void, ms: number): () => void;
  random(): number;
}

export interface StreamLike {
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  /** Data of every message. */
  onnews: ((data: string) => void) | null;
  /** The server's sign of life when there is nothing to tell. */
  onheartbeat: (() => void) | null;
  close(): void;
}

export interface ChannelLike {
  post(message: TabMessage): void;
  onmessage: ((message: TabMessage) => void) | null;
  close(): void;
}

/** Between tabs. `ask`: a new tab wants to know the state. */
export type TabMessage =
  | { kind: 'news'; event: LiveEvent }
  | { kind: 'state'; state: LiveState; resync: boolean }
  | { kind: 'ask' };

export interface LiveHandlers {
  onEvent(event: LiveEvent): void;
  /** The stream (re)opened: whatever happened meanwhile was missed. */
  onResync(): void;
  onState(state: LiveState): void;
}

const NAME = 'holdfast-live';
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** A heartbeat comes every 15 s; a stream that is silent three times that long is dead, though the browser may not know. */
const SILENCE_MS = 45_000;

export class LiveConnection {
  private readonly url: string;
  private readonly door: LiveDoor;
  private readonly handlers: LiveHandlers;
  private readonly stopped = new AbortController();
  private channel: ChannelLike | undefined;
  private stream: StreamLike | undefined;
  private current: LiveState = 'off';
  private leading = false;
  private failures = 0;
  private cancelRetry: (() => void) | undefined;
  private cancelSilence: (() => void) | undefined;
  private release: (() => void) | undefined;

  constructor(url: string, door: LiveDoor, handlers: LiveHandlers) {
    this.url = url;
    this.door = door;
    this.handlers = handlers;
  }

  get state(): LiveState {
    return this.current;
  }

  start(): void {
    if (this.current !== 'off') return;
    this.setState('connecting');
    const { lock } = this.door;
    this.channel = lock === undefined ? undefined : this.door.openChannel(NAME);
    if (lock === undefined || this.channel === undefined) {
      this.lead();
      return;
    }
    this.channel.onmessage = (message) => this.hear(message);
    this.channel.post({ kind: 'ask' });
    lock(NAME, this.stopped.signal, () => {
      this.lead();
      return new Promise<void>((resolve) => {
        this.release = resolve;
      });
    }).catch(() => {
      // Aborted by stop(), or locks are refused here (private mode of some browsers): then a stream of our own.
      if (!this.stopped.signal.aborted && !this.leading) this.lead();
    });
  }

  /** Gives the stream to another tab. A stopped connection stays stopped. */
  stop(): void {
    this.stopped.abort();
    this.closeStream();
    this.cancelRetry?.();
    this.release?.();
    this.channel?.close();
    this.current = 'off';
  }

  /** Tries at once instead of waiting: the network came back, the tab was shown again, a person asked. */
  retryNow(): void {
    if (!this.leading || this.current !== 'retrying') return;
    this.cancelRetry?.();
    this.connect();
  }

  private lead(): void {
    if (this.stopped.signal.aborted) return;
    this.leading = true;
    this.connect();
  }

  private connect(): void {
    this.closeStream();
    const stream = this.door.openStream(this.url);
    this.stream = stream;
    stream.onopen = () => {
      this.failures = 0;
      this.setState('live', true);
      this.handlers.onResync();
    };
    // Silence means something only from a server that is known to send heartbeats.
    stream.onheartbeat = () => this.watchSilence();
    stream.onnews = (data) => {
      if (this.cancelSilence !== undefined) this.watchSilence();
      const event = parse(data);
      if (event === undefined) return;
      this.channel?.post({ kind: 'news', event });
      this.handlers.onEvent(event);
    };
    stream.onerror = () => this.retryLater();
  }

  /** EventSource would reconnect by itself, but not after a 5xx answer and without growing pauses: so we do it. */
  private retryLater(): void {
    this.closeStream();
    this.setState('retrying');
    const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures);
    this.failures += 1;
    // Between half and all of the pause: many browsers must not return to a restarted server in step.
    this.cancelRetry = this.door.setTimer(() => this.connect(), pause * (0.5 + this.door.random() / 2));
  }

  private watchSilence(): void {
    this.cancelSilence?.();
    this.cancelSilence = this.door.setTimer(() => this.retryLater(), SILENCE_MS);
  }

  private closeStream(): void {
    this.cancelSilence?.();
    this.cancelSilence = undefined;
    const { stream } = this;
    this.stream = undefined;
    if (stream === undefined) return;
    stream.onopen = null;
    stream.onnews = null;
    stream.onheartbeat = null;
    stream.onerror = null;
    stream.close();
  }

  private hear(message: TabMessage): void {
    switch (message.kind) {
      case 'ask':
        if (this.leading) this.channel?.post({ kind: 'state', state: this.current, resync: false });
        return;
      case 'news':
        if (!this.leading) this.handlers.onEvent(message.event);
        return;
      case 'state':
        if (this.leading) return;
        if (message.resync) this.handlers.onResync();
        this.setState(message.state);
    }
  }

  private setState(state: LiveState, resync = false): void {
    if (this.leading) this.channel?.post({ kind: 'state', state, resync });
    if (state === this.current) return;
    this.current = state;
    this.handlers.onState(state);
  }
}

/** News of a newer server that this page does not know is skipped: rows stay the truth, and polling still finds them. */
function parse(data: string): LiveEvent | undefined {
  try {
    const parsed = liveEvent.safeParse(JSON.parse(data));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
