/**
 * The one executor of pure machines. Inputs wait in a queue, and the next one is taken only after every effect of the last step has
 * been performed, in the order in which the machine returned them. An effect whose `perform` returns a promise is awaited before the
 * next effect; any other counts as performed when `perform` returns, even if its work goes on afterwards. So this file keeps the order
 * alone: a save may only have been handed to the store when the send behind it is performed. That the send leaves the process no
 * earlier than the save is on disk is the rule of node/store/gate.ts.
 */

export interface MachineParts<S, I, E> {
  readonly state: S;
  readonly step: (state: S, input: I) => readonly [S, readonly E[]];
  /** Performs one effect. A returned promise is awaited before the next effect; without one the next effect follows at once. */
  readonly perform: (effect: E, state: S) => Promise<void> | undefined;
  /**
   * Shown each step before its effects are performed, and what `begin` performs, which has no input: for a trace. It decides
   * nothing, so what throws in it is left out.
   */
  readonly traced?: (input: I | undefined, before: S, now: S, effects: readonly E[]) => void;
  /** Called after each step, once its effects have been performed. */
  readonly onStep?: (before: S, now: S) => void;
  /** Called each time the queue has run empty; an input that it returns is processed like any other. */
  readonly idle?: (state: S) => I | undefined;
  /** Effects that made the first state, performed by `begin` before any input is taken. */
  readonly first?: readonly E[];
  /**
   * Called when a step or an effect threw: true skips it and goes on. A step that threw has not changed the state. An effect that
   * threw is passed as `effect`; the effects after it are still performed.
   */
  readonly survives?: (error: unknown, input: I | undefined, effect: E | undefined) => boolean;
  /** Called for each input that will not be processed, because the machine was stopped before its turn or before it was pushed. */
  readonly onDropped?: (input: I) => void;
  /** Called once when a step or an effect threw and `survives` did not return true: the machine keeps its last good state and halts. */
  readonly onFatal: (error: unknown, input: I | undefined) => void;
}

/** Inputs that are processed in a row before the event loop gets a turn: a few milliseconds of a channel's work. */
const TOGETHER = 8;

/** A step to make, or one already made whose effects are still to be performed. */
interface Entry<I, E> {
  readonly work: { readonly input: I } | { readonly effects: readonly E[] };
  readonly done?: () => void;
  /** Returned by `idle`, not pushed. */
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
  /** The last input from `idle` threw; `idle` would return the same again, so it is not called until another input was processed. */
  private stuck = false;
  private first: readonly E[];
  /** Without the first state, which is not needed any more: an earlier state can keep all later ones in memory (amp/versions.ts). */
  private readonly parts: Omit<MachineParts<S, I, E>, 'state' | 'first'>;

  constructor({ state, first = [], ...parts }: MachineParts<S, I, E>) {
    this.parts = parts;
    this.current = state;
    this.first = first;
  }

  /** The state after the last step, whose effects may still be being performed. */
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
    this.enqueue({ work: { effects: this.first } });
    this.first = [];
  }

  /** As push; resolves once the input's effects have been performed, never if the machine halts before. */
  deliver(input: I): Promise<void> {
    return new Promise((done) => this.enqueue({ work: { input }, done }));
  }

  /** Number of queued inputs. */
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

  /** Stops: the step in progress is finished, and `onDropped` is called for every input that was still queued. */
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
    if ('input' in work) this.parts.onDropped?.(work.input);
  }

  /** Resolves once the queue is empty and all effects have been performed; saves may still be on their way to disk. */
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

  /** Rethrows the error unless `survives` returns true. */
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
          this.parts.onStep?.(before, this.current);
        } catch (error) {
          this.survive(error, input, undefined);
        }
        done?.();
      } catch (error) {
        this.halt();
        this.parts.onFatal(error, input);
      }
      // Microtasks alone would keep sockets and timers waiting until the queue is empty.
      if (++taken % TOGETHER === 0) await new Promise(setImmediate);
    }
    this.running = false;
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
