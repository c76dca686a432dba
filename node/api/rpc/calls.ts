/**
 * The calls one connection has under way: answered as they finish, bounded in number, waited for when it ends. While answers wait
 * for their reader no further call is begun and nothing more is read, so a caller that only asks fills no memory.
 */
import { setMaxListeners } from 'node:events';
import type { Subscriber } from '../events/notifications.ts';
import { type Answer, refusal } from './jsonrpc.ts';
import { turn, type Written } from './streaming.ts';

/** Calls one connection may have under way; a caller that waits for that many invoices opens another connection. */
export const maxCalls = 1024;
/** Calls under way from which on the next ones are begun one a millisecond: those that wait for the world leave room for others. */
const unhurried = 16;
/** Characters of answers that may wait for their reader while calls are begun. */
const maxUnread = 256 * 1024;
/** What an answer counts that is made while it is read: a piece of it is in memory. */
const onePiece = 64 * 1024;

export interface Calls {
  /** Takes a call; its answer goes to `send` when there is one. */
  take(request: string): void;
  /** Whether a call is under way, an answer not written yet, or the caller has subscribed to notifications. */
  isBusy(): boolean;
  /** Characters of answers, about, that wait for their reader. */
  unread(): number;
  /** The caller sends nothing more: calls that only wait are told; resolves once all have been answered. */
  end(): Promise<void>;
}

/** Where calls come from. */
export interface Source {
  pause(): void;
  resume(): void;
}

const millisecond = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

/** Calls of a connection whose answers `send` writes, one after the other; it resolves when one is written or cannot be. */
export const openCalls = (answer: Answer, source: Source, send: (text: Written) => Promise<void>): Calls => {
  const gone = new AbortController();
  // Each waiting call listens to it, and there may be as many as calls.
  setMaxListeners(0, gone.signal);
  const underWay = new Set<Promise<void>>();
  const waiting: string[] = [];
  let unread = 0;
  let last: Promise<void> = Promise.resolve();
  let written: () => void = () => undefined;
  let pumping: Promise<void> | undefined;
  let paused = false;

  let isKept = false;

  const look = (): void => {
    const holds = waiting.length > 0 || unread > 0;
    if (holds === paused) return;
    paused = holds;
    if (paused) source.pause();
    else source.resume();
  };
  const sendNext = (text: Written): Promise<void> => {
    const length = typeof text === 'string' ? text.length : onePiece;
    unread += length;
    look();
    // One that cannot be written to any more says so by its own end.
    last = last
      .then(() => send(text))
      .catch(() => undefined)
      .then(() => {
        unread -= length;
        written();
        look();
      });
    return last;
  };
  const subscriber: Subscriber = {
    gone: gone.signal,
    send: sendNext,
    keep: () => {
      isKept = true;
    },
  };
  const begin = (request: string): void => {
    if (underWay.size >= maxCalls) {
      void sendNext(refusal('busy', `${maxCalls} calls of this connection are under way`));
      return;
    }
    const call = answer(request, { signal: gone.signal, subscriber })
      .then((text) => (text === undefined ? undefined : sendNext(text)))
      .finally(() => underWay.delete(call));
    underWay.add(call);
  };
  const pump = async (): Promise<void> => {
    // All that came together is there before the first is begun.
    await Promise.resolve();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      begin(next);
      look();
      // Most calls are answered by then, and their answers count.
      if (waiting.length > 0) await (underWay.size < unhurried ? turn() : millisecond());
      while (unread > maxUnread)
        await new Promise<void>((resolve) => {
          written = resolve;
        });
    }
    pumping = undefined;
  };
  return {
    take: (request) => {
      waiting.push(request);
      pumping ??= pump();
      look();
    },
    isBusy: () => isKept || underWay.size > 0 || waiting.length > 0 || unread > 0,
    unread: () => unread,
    end: async () => {
      // One that is begun by a caller already gone would hear of it never.
      await pumping;
      gone.abort();
      await Promise.all(underWay);
      await last;
    },
  };
};

/** Milliseconds that calls get to be answered after the node was told to stop. */
const grace = 2_000;

/** Resolves when all of these have settled, or when calls have had their time. */
export const briefly = (work: Iterable<Promise<unknown>>): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, grace);
  });
  return Promise.race([Promise.allSettled(work), patience]).finally(() => clearTimeout(timer));
};
