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
   * Resolves when it is the caller's turn, in order of the calls. A caller that has nothing to do any more does not use up a turn.
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
