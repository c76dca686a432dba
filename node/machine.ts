/**
 * The one executor of pure machines. Inputs wait in a queue; the next is taken only after every effect of the last step
 * has been performed, in the order in which the machine returned them: `[save, send]` is therefore durable before it is
 * visible. Many machines run side by side, and their saves meet in the store's group commit.
 */

export interface MachineParts<S, I, E> {
  readonly state: S;
  readonly step: (state: S, input: I) => readonly [S, readonly E[]];
  /** Performs one effect; a promise is waited for, anything else is not. */
  readonly perform: (effect: E, state: S) => Promise<void> | undefined;
  /** Asked each time the queue has run empty; an input given back is taken like any other. */
  readonly idle?: (state: S) => I | undefined;
  /** Called once when a step or an effect threw: the machine is at its last good state and takes nothing more. */
  readonly broke: (error: unknown, input: I) => void;
}

export class Machine<S, I, E> {
  private current: S;
  private readonly queue: { readonly input: I; readonly done?: () => void }[] = [];
  private head = 0;
  private running = false;
  private halted = false;
  private waiting: (() => void)[] = [];
  private readonly parts: MachineParts<S, I, E>;

  constructor(parts: MachineParts<S, I, E>) {
    this.parts = parts;
    this.current = parts.state;
  }

  /** The state after the last completed step; while effects are under way already the next one. */
  get state(): S {
    return this.current;
  }

  /** True once a step or an effect threw. */
  get broken(): boolean {
    return this.halted;
  }

  /** Queues an input and returns at once; inputs are taken in this order. */
  push(input: I): void {
    this.enqueue({ input });
  }

  /** As push; resolves once the input's effects have been performed, never if the machine halts before. */
  deliver(input: I): Promise<void> {
    return new Promise((done) => this.enqueue({ input, done }));
  }

  /** Inputs that wait. */
  get backlog(): number {
    return this.queue.length - this.head;
  }

  private enqueue(entry: { readonly input: I; readonly done?: () => void }): void {
    if (this.halted) return;
    this.queue.push(entry);
    if (!this.running) {
      this.running = true;
      // Runs after the caller is done: inputs it pushes together are taken together, before `idle` is asked.
      queueMicrotask(() => void this.run());
    }
  }

  /** Takes nothing more; what is under way ends. */
  stop(): void {
    this.halted = true;
    this.queue.length = 0;
    this.head = 0;
  }

  /** Resolves once everything pushed so far has been performed. */
  settled(): Promise<void> {
    if (!this.running) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private take(): { readonly input: I; readonly done?: () => void } | undefined {
    if (this.head < this.queue.length) {
      const entry = this.queue[this.head++];
      if (this.head > 1024 && this.head * 2 > this.queue.length) {
        this.queue.splice(0, this.head);
        this.head = 0;
      }
      return entry;
    }
    this.queue.length = 0;
    this.head = 0;
    const input = this.parts.idle?.(this.current);
    return input === undefined ? undefined : { input };
  }

  private async run(): Promise<void> {
    for (let entry = this.take(); entry !== undefined && !this.halted; entry = this.take()) {
      const { input, done } = entry;
      try {
        const [next, effects] = this.parts.step(this.current, input);
        this.current = next;
        for (const effect of effects) {
          const pending = this.parts.perform(effect, next);
          if (pending !== undefined) await pending;
        }
        done?.();
      } catch (error) {
        this.stop();
        this.parts.broke(error, input);
      }
    }
    this.running = false;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
