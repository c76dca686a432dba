/** Connections that callers have open at once, and how each of them ends. */
import type { Duplex } from 'node:stream';

/** Connections of one adapter. */
export const maxConnections = 128;

/** Milliseconds that a caller may take nothing of an answer before its connection is ended. */
export const stalledAfter = 60_000;

/** Milliseconds for the last words of a connection that ends. */
const lastWords = 1_000;

/**
 * So many and no more. A program that forgets to close what it opened must not keep its operator out: the oldest connection on
 * which no call is under way gives way to a new one.
 */
export class Connections<T> {
  private readonly open = new Map<T, () => boolean>();
  private readonly most: number;
  private readonly end: (one: T) => void;

  /** `end` has to close a connection at once. */
  constructor(most: number, end: (one: T) => void) {
    this.most = most;
    this.end = end;
  }

  /** Takes one in; false where all that are open are busy. */
  admit(one: T, isBusy: () => boolean): boolean {
    if (this.open.size >= this.most) {
      const idle = [...this.open].find(([, busy]) => !busy())?.[0];
      if (idle === undefined) return false;
      this.open.delete(idle);
      this.end(idle);
    }
    this.open.set(one, isBusy);
    return true;
  }

  /** It is closed. */
  free(one: T): void {
    this.open.delete(one);
  }

  /** Closes all there are. */
  endAll(): void {
    for (const one of [...this.open.keys()]) this.end(one);
    this.open.clear();
  }
}

/** Ends a connection a moment later, whatever comes of it until then. */
export const endSoon = (socket: Duplex): void => {
  const timer = setTimeout(() => socket.destroy(), lastWords);
  socket.once('close', () => clearTimeout(timer));
};

/** Says something last and ends the connection, whether or not the other side reads it or ends its own. */
export const endWith = (socket: Duplex, text: string): void => {
  endSoon(socket);
  socket.removeAllListeners('data');
  socket.on('end', () => socket.destroy());
  // What is still sent is read and left alone: unread, it would have the machine take back what was just said.
  socket.resume();
  socket.end(text);
};
