/** Callers that wait for the chain to reach a height. */

interface Waiting {
  readonly height: number;
  readonly done: () => void;
}

export class HeightWaiters {
  private readonly height: () => number;
  private readonly waiting = new Set<Waiting>();

  /** `height` of the last block that the node has read. */
  constructor(height: () => number) {
    this.height = height;
  }

  get count(): number {
    return this.waiting.size;
  }

  /** A block was read, or taken back. */
  block(): void {
    const now = this.height();
    for (const one of this.waiting) if (one.height <= now) one.done();
  }

  /** Resolves once that height is read, at once where it is; or when `signal` is aborted. */
  wait(height: number, signal: AbortSignal): Promise<void> {
    if (height <= this.height() || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.waiting.delete(one);
        resolve();
      };
      const one: Waiting = { height, done };
      this.waiting.add(one);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
