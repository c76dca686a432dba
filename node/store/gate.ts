/**
 * Saved before it is visible: the rule by which a crash at any instant loses nothing that a peer, the chain or a caller has seen.
 *
 * `save` hands changes to the store in the order in which they were decided, and returns at once. Whatever leaves the process
 * because of them (a message to a peer, a transaction, an answer of the API) goes through `after`, which runs it once every save
 * before it is on disk. So `[save, send]` in the effects of a step is enough: the machine that performs them waits for neither.
 * Inputs that machines give each other do not pass here. They may rest on saves that are still being written; a crash then undoes
 * those and everything that followed from them, and nothing of it has been seen outside. The store commits in the order of the
 * calls, so what is on disk is always a beginning of what was decided.
 *
 * Some parts (the wallet, the sweeper, an invoice being made) await their own `commit` and only then send: the same rule without the
 * gate. Once any save has failed, nothing passes any more and the node stops: nobody knows what is on disk.
 */
import type { Change } from '../../wire/change.ts';
import type { Store } from '../ports/ports.ts';

export class Gate {
  private readonly store: Pick<Store, 'commit'>;
  private readonly fatal: (error: unknown) => void;
  private readonly threw: (error: unknown) => void;
  /** Numbers of commits begun and of commits durable; the store finishes them in the order in which they were begun. */
  private begun = 0;
  private durable = 0;
  private waiting: { readonly need: number; readonly run: () => void }[] = [];
  private broken = false;
  private giveUp: () => void = () => undefined;
  private readonly failed = new Promise<void>((resolve) => {
    this.giveUp = resolve;
  });

  /**
   * `fatal` is called once when the store fails; from then on nothing passes. `threw` is called with what a function given to `after`
   * threw: the others run all the same, and the caller of `after` does not see it.
   */
  constructor(store: Pick<Store, 'commit'>, fatal: (error: unknown) => void, threw: (error: unknown) => void = fatal) {
    this.store = store;
    this.fatal = fatal;
    this.threw = threw;
  }

  /** Saves changes, after everything saved before. Returns at once; a failure goes to `fatal`. */
  save(changes: readonly Change[]): void {
    if (this.broken || changes.length === 0) return;
    const number = ++this.begun;
    this.store.commit(changes).then(
      () => this.reached(number),
      (error: unknown) => this.fail(error),
    );
  }

  /** The store failed, here or at a commit of another part: nothing passes any more, and `fatal` is called, once. */
  fail(error: unknown): void {
    if (this.broken) return;
    this.broken = true;
    this.waiting = [];
    this.giveUp();
    this.fatal(error);
  }

  /** Runs something once everything saved so far is durable: at once if it is already; always in the order of the calls. */
  afterSaved(run: () => void): void {
    if (this.broken) return;
    if (this.durable >= this.begun && this.waiting.length === 0) this.pass(run);
    else this.waiting.push({ need: this.begun, run });
  }

  /** Waits for a promise that may depend on the store, but not once the store has failed: then it may never resolve. */
  async waitUnlessFailed(wait: Promise<unknown>): Promise<void> {
    await Promise.race([wait, this.failed]);
  }

  /** Resolves once everything saved so far is durable; never, if the store fails. */
  allSaved(): Promise<void> {
    return new Promise((resolve) => this.afterSaved(resolve));
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
