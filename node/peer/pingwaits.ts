/** Who waits for the answer to a ping of a size of their own (BOLT 1, "The ping and pong Messages"). */

interface Waiting {
  /** Bytes that the answer is to have. */
  readonly bytes: number;
  readonly done: (came: boolean) => void;
}

/** The pings of one connection that callers asked for. */
export class Pongs {
  private waiting: Waiting | undefined;

  /** Whether one is under way: a pong does not say which ping it answers, so there is one at a time. */
  get isWaiting(): boolean {
    return this.waiting !== undefined;
  }

  /** Resolves with true once a pong of so many bytes came, with false when the connection ends or `signal` is aborted before. */
  next(bytes: number, signal: AbortSignal): Promise<boolean> {
    // Such a signal tells nobody any more.
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (): void => done(false);
      const done = (came: boolean): void => {
        signal.removeEventListener('abort', end);
        this.waiting = undefined;
        resolve(came);
      };
      this.waiting = { bytes, done };
      signal.addEventListener('abort', end, { once: true });
    });
  }

  /** A pong came. */
  note(bytes: number): void {
    if (this.waiting?.bytes === bytes) this.waiting.done(true);
  }

  /** The connection is over. */
  end(): void {
    this.waiting?.done(false);
  }
}
