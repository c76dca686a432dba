/**
 * Work that strangers make, one piece in each turn of the event loop however many of them there are: between two pieces everybody
 * else has a turn, so what a crowd asks for slows the crowd down, and neither channels nor callers of the API.
 */

interface Waiting {
  readonly run: () => void;
  readonly isOver: () => boolean;
}

export class EventLoopQueue {
  private readonly waiting: Waiting[] = [];
  private isScheduled = false;

  /**
   * Resolves when it is this one's turn, in the order in which it was asked for. Whoever has nothing to do any more when its turn comes
   * takes nobody else's.
   */
  turn(isOver: () => boolean = () => false): Promise<void> {
    return new Promise((run) => {
      this.waiting.push({ run, isOver });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => {
      this.isScheduled = false;
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
        const isOver = next.isOver();
        next.run();
        if (!isOver) break;
      }
      if (this.waiting.length > 0) this.schedule();
    });
  }
}
