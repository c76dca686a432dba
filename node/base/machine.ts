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
  /**
   * Shown each step before its effects are performed, and what `begin` performs, which has no input: for a trace. It decides
   * nothing, so what throws in it is left out.
   */
  readonly traced?: (input: I | undefined, before: S, now: S, effects: readonly E[]) => void;
  /** Told after each step, once its effects have been performed. */
  readonly stepped?: (before: S, now: S) => void;
  /** Asked each time the queue has run empty; an input given back is taken like any other. */
  readonly idle?: (state: S) => I | undefined;
  /** Effects that made the first state, performed by `begin` before any input is taken. */
  readonly first?: readonly E[];
  /**
   * Asked when something threw: true leaves it out and goes on. A step that threw has changed nothing; an effect (named then)
   * that did is not performed, those behind it are.
   */
  readonly survives?: (error: unknown, input: I | undefined, effect: E | undefined) => boolean;
  /** Told each input that will not be taken because the machine was stopped before it, or is by now. */
  readonly dropped?: (input: I) => void;
  /** Called once when a step or an effect threw and was not survived: the machine is at its last good state and takes nothing more. */
  readonly broke: (error: unknown, input: I | undefined) => void;
}

/** Inputs that are taken one behind the other before the rest of the node has its turn: a few milliseconds of a channel's work. */
const TOGETHER = 8;

/** A step to make, or one already made whose effects are still to be performed. */
interface Entry<I, E> {
  readonly work: { readonly input: I } | { readonly effects: readonly E[] };
  readonly done?: () => void;
  /** Not pushed by anybody. */
  readonly idle?: boolean;
}

export class Machine<S, I, E> {
  private current: S;
  private readonly queue: Entry<I, E>[] = [];
  private head = 0;
  private running = false;
  private halted = false;
  private stopped = false;
  private waiting: (() => void)[] = [];
  /** What `idle` gave last threw: it would give the same again. */
  private stuck = false;
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
    this.enqueue({ work: { input } });
  }

  /** Performs the effects that made the first state. Once, before anything else. */
  begin(): void {
    this.enqueue({ work: { effects: this.parts.first ?? [] } });
  }

  /** As push; resolves once the input's effects have been performed, never if the machine halts before. */
  deliver(input: I): Promise<void> {
    return new Promise((done) => this.enqueue({ work: { input }, done }));
  }

  /** Inputs that wait. */
  get backlog(): number {
    return this.queue.length - this.head;
  }

  private enqueue(entry: Entry<I, E>): void {
    if (this.stopped) this.drop(entry);
    if (this.halted) return;
    this.queue.push(entry);
    if (!this.running) {
      this.running = true;
      // Runs after the caller is done: inputs it pushes together are taken together, before `idle` is asked.
      queueMicrotask(() => void this.run());
    }
  }

  /** Takes nothing more; what is under way ends, and whoever pushed what was left is told so. */
  stop(): void {
    const left = this.queue.slice(this.head);
    this.halt();
    this.stopped = true;
    for (const entry of left) this.drop(entry);
  }

  private halt(): void {
    this.halted = true;
    this.queue.length = 0;
    this.head = 0;
  }

  private drop({ work }: Entry<I, E>): void {
    if ('input' in work) this.parts.dropped?.(work.input);
  }

  /** Resolves once everything pushed so far has been performed. */
  settled(): Promise<void> {
    if (!this.running) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private take(): Entry<I, E> | undefined {
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
    const input = this.stuck ? undefined : this.parts.idle?.(this.current);
    return input === undefined ? undefined : { work: { input }, idle: true };
  }

  private effectsOf({ work, idle = false }: Entry<I, E>): readonly E[] {
    if ('effects' in work) {
      this.trace(undefined, this.current, work.effects);
      return work.effects;
    }
    this.stuck = false;
    try {
      const before = this.current;
      const [next, effects] = this.parts.step(before, work.input);
      this.current = next;
      this.trace(work.input, before, effects);
      return effects;
    } catch (error) {
      this.survive(error, work.input, undefined);
      this.stuck = idle;
      return [];
    }
  }

  /** Throws what is not survived. */
  private survive(error: unknown, input: I | undefined, effect: E | undefined): void {
    if (this.parts.survives?.(error, input, effect) !== true) throw error;
  }

  private trace(input: I | undefined, before: S, effects: readonly E[]): void {
    try {
      this.parts.traced?.(input, before, this.current, effects);
    } catch {
      // A line less in a log.
    }
  }

  private async run(): Promise<void> {
    let taken = 0;
    for (let entry = this.take(); entry !== undefined && !this.halted; entry = this.take()) {
      const { work, done } = entry;
      const input = 'input' in work ? work.input : undefined;
      const before = this.current;
      try {
        for (const effect of this.effectsOf(entry))
          try {
            const pending = this.parts.perform(effect, this.current);
            if (pending !== undefined) await pending;
          } catch (error) {
            this.survive(error, input, effect);
          }
        try {
          this.parts.stepped?.(before, this.current);
        } catch (error) {
          this.survive(error, input, undefined);
        }
        done?.();
      } catch (error) {
        this.halt();
        this.parts.broke(error, input);
      }
      // Where no effect waits for the world outside, no socket and no timer is looked at before all of this is over.
      if (++taken % TOGETHER === 0) await new Promise(setImmediate);
    }
    this.running = false;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
