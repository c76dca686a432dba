/**
 * A queue for work that peers without a channel cause: one piece per turn of the event loop, whatever their number. Everything else gets
 * a turn between two pieces, so many such peers slow each other down, and neither channels nor API calls.
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
