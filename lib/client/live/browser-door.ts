// The browser behind LiveDoor. No rules here: they are in connection.ts, where tests reach them.

import type { ChannelLike, LiveDoor, StreamLike, TabMessage } from './connection.ts';

export function browserDoor(): LiveDoor {
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks;
  return {
    openStream,
    openChannel: (name) => (typeof BroadcastChannel === 'undefined' ? undefined : openChannel(name)),
    lock:
      locks === undefined
        ? undefined
        : async (name, signal, hold) => {
            await locks.request(name, { signal }, hold);
          },
    setTimer: (run, ms) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  };
}

function openStream(url: string): StreamLike {
  const source = new EventSource(url, { withCredentials: false });
  const stream: StreamLike = {
    onopen: null,
    onerror: null,
    onnews: null,
    onheartbeat: null,
    close: () => source.close(),
  };
  source.onopen = () => stream.onopen?.();
  source.onerror = () => stream.onerror?.();
  source.onmessage = (message) => stream.onnews?.(String(message.data));
  source.addEventListener('heartbeat', () => stream.onheartbeat?.());
  return stream;
}

function openChannel(name: string): ChannelLike {
  const channel = new BroadcastChannel(name);
  const like: ChannelLike = {
    onmessage: null,
    post: (message) => channel.postMessage(message),
    close: () => channel.close(),
  };
  channel.onmessage = (message: MessageEvent<TabMessage>) => like.onmessage?.(message.data);
  return like;
}
