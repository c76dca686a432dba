/**
 * Work that strangers make, one piece in each turn of the event loop however many of them there are: between two pieces everybody
 * else has a turn, so what a crowd asks for slows the crowd down, and neither channels nor callers of the API.
 */

export class Turns {
  private readonly waiting: (() => void)[] = [];
  private isSet = false;

  /** Resolves when it is this one's turn, in the order in which it was asked for. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.set();
    });
  }

  private set(): void {
    if (this.isSet) return;
    this.isSet = true;
    setImmediate(() => {
      this.isSet = false;
      this.waiting.shift()?.();
      if (this.waiting.length > 0) this.set();
    });
  }
}
