/** The calls one connection has under way: answered as they finish, bounded in number, waited for when it ends. */
import { setMaxListeners } from 'node:events';
import { type Answer, refusal } from './jsonrpc.ts';
import type { Written } from './written.ts';

/** Calls one connection may have under way; a caller that waits for that many invoices opens another connection. */
export const maxCalls = 1024;

export interface Calls {
  /** Begins a call; its answer goes to `send` when there is one. */
  take(request: string): void;
  /** The caller sends nothing more: calls that only wait are told; resolves once all have been answered. */
  end(): Promise<void>;
}

/** Calls of a connection whose answers `send` writes, one after the other; it resolves when one is written or cannot be. */
export const openCalls = (answer: Answer, send: (text: Written) => Promise<void>): Calls => {
  const gone = new AbortController();
  // Each waiting call listens to it, and there may be as many as calls.
  setMaxListeners(0, gone.signal);
  const underWay = new Set<Promise<void>>();
  let last: Promise<void> = Promise.resolve();
  const sendNext = (text: Written): Promise<void> => {
    // One that cannot be written to any more says so by its own end.
    last = last.then(() => send(text)).catch(() => undefined);
    return last;
  };
  return {
    take: (request) => {
      if (underWay.size >= maxCalls) {
        void sendNext(refusal('busy', `${maxCalls} calls of this connection are under way`));
        return;
      }
      const call = answer(request, { signal: gone.signal })
        .then((text) => (text === undefined ? undefined : sendNext(text)))
        .finally(() => underWay.delete(call));
      underWay.add(call);
    },
    end: async () => {
      gone.abort();
      await Promise.all(underWay);
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
