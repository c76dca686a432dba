/** Payments that want to be looked at before the next second: one time each, and the latest that was asked for. */
import type { Clock } from '../ports/ports.ts';

export class Wakeups {
  private readonly cancels = new Map<string, () => void>();
  private isOver = false;

  /** Runs `wake` at `at`, Unix milliseconds, in place of what payment `id` asked for before. */
  set(clock: Clock, id: string, at: number, wake: () => void): void {
    this.cancels.get(id)?.();
    if (this.isOver) return;
    const run = (): void => {
      this.cancels.delete(id);
      wake();
    };
    this.cancels.set(id, clock.after(Math.max(0, at - clock.now()), run));
  }

  /** Nothing is run any more, also what is asked for from now on. */
  cancel(): void {
    this.isOver = true;
    for (const cancel of this.cancels.values()) cancel();
    this.cancels.clear();
  }
}
