/** Payments that want to be looked at before the next second: one time each, and the latest that was asked for. */
import type { Clock } from '../ports/ports.ts';

export class Wakeups {
  private readonly clock: Clock;
  private readonly cancels = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Runs `wake` at `at`, Unix milliseconds, in place of what payment `id` asked for before. */
  set(id: string, at: number, wake: () => void): void {
    this.cancels.get(id)?.();
    const run = (): void => {
      this.cancels.delete(id);
      wake();
    };
    this.cancels.set(id, this.clock.after(Math.max(0, at - this.clock.now()), run));
  }

  /** Nothing is run any more. */
  cancel(): void {
    for (const cancel of this.cancels.values()) cancel();
    this.cancels.clear();
  }
}
