/**
 * Searches for flows take turns: each can take a long part of a second, in which no message of a peer is answered, and an invoice or a
 * caller can ask for as many as it likes. Flows get a fifth of the time; payments and callers of the API wait in lines of their own,
 * which are served alternately.
 */
import type { Clock } from '../ports/ports.ts';
import { SearchBudget } from './searchbudget.ts';

/** Milliseconds: a flow as quick as that costs no more than the rest of a payment, and keeps nobody waiting. */
const QUICK = 2;

/** Calls of the API that may wait at once; payments are bounded by what they are. */
const MOST_CALLERS = 32;

type Line = 'payments' | 'callers';

export class FlowTurns {
  private readonly clock: Clock;
  private readonly budget: SearchBudget;
  private readonly lines: Readonly<Record<Line, (() => void)[]>> = { payments: [], callers: [] };
  private last: Line = 'callers';
  /** Ends the pause after a flow that took its time; undefined where there is none. */
  private pause: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
    this.budget = new SearchBudget(() => clock.now());
  }

  /** Runs a search of a payment: now, or once it has its turn. `search` must not throw. */
  forPayment(search: () => void): void {
    this.take('payments', search);
  }

  /** Whether so many calls wait that another one is to be refused. */
  get isCrowded(): boolean {
    return this.lines.callers.length >= MOST_CALLERS;
  }

  /** Runs a search for a caller once it has its turn, and resolves with what it found; undefined where the caller has gone by then. */
  forCaller<T>(signal: AbortSignal, search: () => T): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.take('callers', () => {
        try {
          resolve(signal.aborted ? undefined : search());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Nothing that waits gets a turn any more. */
  stop(): void {
    this.pause?.();
    this.pause = () => undefined;
    for (const line of Object.values(this.lines)) line.length = 0;
  }

  private take(line: Line, search: () => void): void {
    if (this.pause === undefined) this.run(search);
    else this.lines[line].push(search);
  }

  private run(search: () => void): void {
    const begun = this.clock.now();
    search();
    const took = this.clock.now() - begun;
    if (took > QUICK) this.budget.took(took);
    if (took > QUICK || this.waiting > 0) this.pauseFor(took > QUICK ? this.budget.wait() : 0);
  }

  /** At least until sockets and timers have had their turn. */
  private pauseFor(ms: number): void {
    this.pause = this.clock.after(Math.max(1, ms), () => {
      this.pause = undefined;
      const next = this.next();
      if (next !== undefined) this.run(next);
    });
  }

  private get waiting(): number {
    return this.lines.payments.length + this.lines.callers.length;
  }

  private next(): (() => void) | undefined {
    const other: Line = this.last === 'payments' ? 'callers' : 'payments';
    this.last = this.lines[other].length > 0 ? other : this.last;
    return this.lines[this.last].shift();
  }
}
