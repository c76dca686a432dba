/** Callers that wait for something that has a name to come to its end. */
export class Waits<K, T> {
  private readonly waiting = new Map<K, Set<(found: T | undefined) => void>>();
  private waits = 0;

  /** Callers that wait now. */
  get count(): number {
    return this.waits;
  }

  /** Resolves with what `tell` brings for this key; with undefined once `signal` is aborted. */
  wait(key: K, signal: AbortSignal): Promise<T | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const waiting = this.waiting.get(key) ?? new Set();
      this.waiting.set(key, waiting);
      const gone = (): void => end(undefined);
      const end = (found: T | undefined): void => {
        if (!waiting.delete(end)) return;
        this.waits--;
        if (waiting.size === 0) this.waiting.delete(key);
        signal.removeEventListener('abort', gone);
        resolve(found);
      };
      waiting.add(end);
      this.waits++;
      signal.addEventListener('abort', gone, { once: true });
    });
  }

  /** Answers everyone who waits for this key. */
  tell(key: K, found: T): void {
    for (const end of [...(this.waiting.get(key) ?? [])]) end(found);
  }
}
