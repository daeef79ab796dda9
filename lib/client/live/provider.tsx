'use client';

import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { NewsDesk } from './apply.ts';
import { browserDoor } from './browser-door.ts';
import { LiveConnection, type LiveState } from './connection.ts';

const EVENTS_URL = '/api/events';
const HEALTH_URL = '/api/health';
const POLL_MS = 2_000;
/** Polls between two readings when nothing is under way, and on a live stream: news can be lost even there. */
const CALM_POLLS = 8;

let connection: LiveConnection | undefined;
let current: LiveState = 'off';
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setState(state: LiveState): void {
  current = state;
  for (const listener of listeners) listener();
}

function answers(): Promise<boolean> {
  return fetch(HEALTH_URL, { cache: 'no-store' }).then(
    (response) => response.ok,
    () => false,
  );
}

let endCurrent = (): void => {};

function connect(client: QueryClient): () => void {
  const door = browserDoor();
  const desk = new NewsDesk(client, door.setTimer);
  const open = () => {
    connection = new LiveConnection(EVENTS_URL, door, {
      onEvent: (event) => desk.take(event),
      onResync: () => desk.resync(),
      onState: setState,
    });
    connection.start();
  };
  const close = () => {
    connection?.stop();
    connection = undefined;
  };
  const wake = () => {
    if (document.visibilityState === 'visible') connection?.retryNow();
  };
  // A page kept for "back" must hold neither the stream nor the lock; when it is shown again it starts anew.
  const shown = (event: PageTransitionEvent) => {
    if (event.persisted && connection === undefined) open();
  };
  let polls = 0;
  const poll = setInterval(() => {
    if (document.visibilityState !== 'visible') return;
    polls += 1;
    const calm = current === 'live' || !desk.anythingUnderWay();
    if (calm && polls % CALM_POLLS !== 0) return;
    // The stream may be broken because nothing answers at all: then one question, not one for each query on the page.
    if (current !== 'live') void answers().then((yes) => yes && desk.readAgain('all'));
    else desk.readAgain(desk.anythingUnderWay() ? 'runs' : 'silent');
  }, POLL_MS);
  window.addEventListener('online', wake);
  document.addEventListener('visibilitychange', wake);
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', shown);
  open();
  const end = () => {
    endCurrent = () => {};
    window.removeEventListener('online', wake);
    document.removeEventListener('visibilitychange', wake);
    window.removeEventListener('pagehide', close);
    window.removeEventListener('pageshow', shown);
    clearInterval(poll);
    close();
    desk.stop();
    setState('off');
  };
  endCurrent = end;
  return end;
}

/** Whether news flows: for the sign in the frame. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    subscribe,
    () => current,
    () => 'off',
  );
}

/** Tries the stream at once. */
export function retryLive(): void {
  connection?.retryNow();
}

/** Before the session ends: the end of the stream would be followed by questions that are no longer answered. */
export function endNews(): void {
  endCurrent();
}

/** Keeps the stream, and polls while it is broken, as long as the signed-in shell is mounted. Renders nothing. */
export function LiveNews(): null {
  const client = useQueryClient();
  useEffect(() => connect(client), [client]);
  return null;
}
