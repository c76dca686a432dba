/**
 * The line between what a node has decided and what the world may see of it. Decisions are handed to the store as they are made,
 * in order; whatever leaves the process (a message, a transaction, an answer) passes here and waits until everything decided
 * before it would survive a power cut. Machines need not wait: what they tell each other stays inside, and a crash takes all of it
 * back together.
 */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';

export class Gate {
  private readonly store: Pick<Store, 'commit'>;
  private readonly fatal: (error: unknown) => void;
  private readonly threw: (error: unknown) => void;
  /** Commits begun and commits durable; the store finishes them in the order in which they were begun. */
  private begun = 0;
  private durable = 0;
  private waiting: { readonly need: number; readonly run: () => void }[] = [];
  private broken = false;
  private giveUp: () => void = () => undefined;
  private readonly failed = new Promise<void>((resolve) => {
    this.giveUp = resolve;
  });

  /**
   * `fatal` is called once when the store fails; from then on nothing passes. `threw` is told what went wrong in something that
   * waited, or did not have to: it stops neither the others that wait nor whoever asked for it.
   */
  constructor(store: Pick<Store, 'commit'>, fatal: (error: unknown) => void, threw: (error: unknown) => void = fatal) {
    this.store = store;
    this.fatal = fatal;
    this.threw = threw;
  }

  /** Keeps changes behind all that was kept before. */
  save(changes: readonly Change[]): void {
    if (this.broken || changes.length === 0) return;
    const number = ++this.begun;
    this.store.commit(changes).then(
      () => this.reached(number),
      (error: unknown) => this.fail(error),
    );
  }

  /** The store failed, at a save of the gate's or of somebody else: nothing passes any more, and the node is told, once. */
  fail(error: unknown): void {
    if (this.broken) return;
    this.broken = true;
    this.waiting = [];
    this.giveUp();
    this.fatal(error);
  }

  /** Runs something once all that was kept so far is durable; at once if it is, and always in the order of the calls. */
  after(run: () => void): void {
    if (this.broken) return;
    if (this.durable >= this.begun && this.waiting.length === 0) this.pass(run);
    else this.waiting.push({ need: this.begun, run });
  }

  /** Waits for something that may wait for the store; no longer once that failed, for then it may wait for ever. */
  async unlessBroken(wait: Promise<unknown>): Promise<void> {
    await Promise.race([wait, this.failed]);
  }

  /** Resolves once all that was kept so far is durable; never, if the store fails. */
  settled(): Promise<void> {
    return new Promise((resolve) => this.after(resolve));
  }

  private reached(number: number): void {
    this.durable = Math.max(this.durable, number);
    let passed = 0;
    for (const { need } of this.waiting) {
      if (need > this.durable) break;
      passed++;
    }
    const open = this.waiting.splice(0, passed);
    for (const { run } of open) this.pass(run);
  }

  private pass(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.threw(error);
    }
  }
}
