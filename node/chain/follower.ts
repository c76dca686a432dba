/**
 * Keeps a node in step with its chain. Each block's consequences (the cursor and what every listener wants kept) are one
 * commit, so after a crash all of them stand at the same block. The chain may be away at any time: it is waited for.
 */

import type { Change } from '../../wire/change.ts';
import { following } from '../base/following.ts';
import type { BlockRef, Chain, ChainEvent, Clock, Log, Store } from '../ports/ports.ts';
import { birthChanges, cursorChanges, firstChange, leftChange, loadBranch, loadFirst } from './cursor.ts';
import { ChainError, isRetriable } from './errors.ts';
import { type Branch, type ChainView, follow } from './follow.ts';
import { firstPause, pause, type Retry, retryWhile } from './retry.ts';

/** Someone who lives by the chain. */
export interface ChainListener {
  /** Takes an event into memory and says what to keep, whole keys. Called once for each event, in order; never throws. */
  apply(event: ChainEvent): readonly Change[];
  /** Called once those changes are durable; the next event waits for it. After a crash it may have been left out. */
  applied?(event: ChainEvent): Promise<void> | void;
}

export interface FollowerOptions {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Where a node that has no cursor yet begins: it is told the blocks above this height, or those above today's tip. */
  readonly birth: number | 'tip';
  readonly listeners: readonly ChainListener[];
}

/** Milliseconds for which the chain's word holds that there is no other block. It is asked again before, unless the machine sleeps. */
const SYNCED_FOR_MS = 30_000;

/** Milliseconds between two times that it is said that the chain ends below the top: a bitcoind may go back and forth. */
const BEHIND_LOG_INTERVAL_MS = 600_000;

/** Blocks below which the node may take another chain for its own: nobody has coins of one that is shorter. */
const MIN_REMEMBERED_HEIGHT = 100;

export class Follower {
  private readonly options: FollowerOptions;
  private readonly onBlockHandlers: ((event: ChainEvent) => void)[] = [];
  private readonly onSyncedHandlers: (() => void)[] = [];
  private readonly retry: Retry;
  /** What the chain is waited for, if it is. */
  private why: string | undefined;
  /** Whether it was said that the chain ends below the top, and not yet that this is over; and when it was said last. */
  private saidShorter = false;
  private saidShorterAt = Number.NEGATIVE_INFINITY;
  /** By what the chain is known again: see `isOurs`. */
  private first: string | undefined;
  private readonly stopping = new AbortController();
  private branch: Branch | undefined;
  private running: Promise<void> = Promise.resolve();
  private turn: Promise<unknown> = Promise.resolve();
  private reached: () => void = () => undefined;
  private ended: (error: unknown) => void = () => undefined;
  /** Whether it ended once where the chain does. */
  private isUp = false;
  private hurry: () => void = () => undefined;
  /** When the chain said last that the branch ends where it does, by the clock; undefined once it is known to be longer. */
  private agreed: number | undefined;
  /** Resolves when the branch followed first ends where the chain does; rejects when following ends before, `closed` by `stop`. */
  readonly caughtUp = new Promise<void>((resolve, reject) => {
    this.reached = resolve;
    this.ended = reject;
  });

  constructor(options: FollowerOptions) {
    this.options = options;
    this.retry = {
      ...{ clock: options.clock, log: options.log, signal: this.stopping.signal },
      onProblem: (why) => {
        this.why = why;
      },
    };
    // Not everybody waits for it.
    this.caughtUp.catch(() => undefined);
  }

  /** Calls `handler` after each event, once what the listeners keep of it is durable. */
  onBlock(handler: (event: ChainEvent) => void): void {
    this.onBlockHandlers.push(handler);
  }

  /** Calls `handler` each time the chain says that it has no block above the branch followed. */
  onSynced(handler: () => void): void {
    this.onSyncedHandlers.push(handler);
  }

  /** The block up to which everything has been applied. Throws ChainError `closed` before `start`. */
  get top(): BlockRef {
    return this.currentBranch().top;
  }

  /** The top's height; 0 where there is none yet. */
  get height(): number {
    return this.branch?.top.height ?? 0;
  }

  /**
   * Whether the top is the chain's tip, as far as anybody can know: not while blocks are being told, nor when the chain has not
   * been heard of for a while or says itself that it is behind. Asks the chain where it is not.
   */
  isSynced(): boolean {
    const age = this.agreed === undefined ? -1 : this.options.clock.now() - this.agreed;
    if (age >= 0 && age <= SYNCED_FOR_MS) return true;
    this.hurry();
    return false;
  }

  /** What is wrong with the chain that it cannot be followed now, in words; undefined while it can. */
  get problem(): string | undefined {
    return this.why;
  }

  /** Finds the cursor, without the chain. Throws StoreError. */
  async load(): Promise<void> {
    this.branch ??= await loadBranch(this.options.store);
    this.first ??= await loadFirst(this.options.store);
  }

  /**
   * Sets the cursor where a new node begins, and then follows in the background until stopped. `broke` is called once if that ends
   * by itself: the store failed, a listener threw, or the chain is another one, or lost what nobody remembers.
   */
  async start(broke: (error: unknown) => void): Promise<void> {
    await this.load();
    this.branch ??= await this.begin();
    this.running = this.run()
      .catch((error: unknown) => {
        this.ended(error);
        if (!this.stopping.signal.aborted) broke(error);
      })
      .finally(() => this.ended(new ChainError({ code: 'closed' })));
  }

  /** Resolves once nothing runs any more; an event under way is finished first. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** The answer to a question, asked until the chain gives one. Throws ChainError, `closed` once stopped. */
  retryUntilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    return retryWhile(this.retry, ask);
  }

  /**
   * The same of a question about the branch that is followed, which the chain may have left meanwhile, or not have got yet: it is
   * asked again, and blocks come and go in between.
   */
  retryOnBranch<T>(ask: () => Promise<T>): Promise<T> {
    const passes = (error: unknown): error is ChainError =>
      isRetriable(error) || (error instanceof ChainError && error.fault.code === 'unknown_block');
    return retryWhile(this.retry, ask, passes);
  }

  /** Runs something while no event is applied, for those who look back at blocks already told. */
  exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async begin(): Promise<Branch> {
    const { chain, store, birth } = this.options;
    const top = await retryWhile(this.retry, async () => {
      const tip = await chain.tip();
      const hash = birth === 'tip' || birth >= tip.height ? undefined : await chain.hashAt(birth);
      return hash === undefined || birth === 'tip' ? tip : { height: birth, hash };
    });
    const branch = { below: [], top, birth: top.height };
    await store.commit(birthChanges(branch));
    return branch;
  }

  private asking<T>(ask: () => Promise<T>): Promise<T> {
    return retryWhile(this.retry, ask, (error): error is ChainError => this.passes(error));
  }

  /**
   * What is wrong at the start is for whoever started it to mend. Later there may be HTLCs, which peers can still end together:
   * then any trouble is waited out, be it a password that was changed or an answer that makes no sense (outage.ts tells of it).
   */
  private passes(error: unknown): error is ChainError {
    return isRetriable(error) || (this.isUp && error instanceof ChainError && error.fault.code !== 'closed');
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const [after, move] = follow(this.currentBranch(), await this.asking(() => this.look()));
      if (move.do === 'give_up') throw new ChainError({ code: 'reorg_too_deep', height: move.height });
      if (move.do !== 'wait') this.agreed = undefined;
      if (move.do === 'lag') {
        this.lags(move.tip);
        await this.wait(move.tip);
        continue;
      }
      if (this.saidShorter)
        this.options.log.info(
          { height: this.height },
          'bitcoind has caught up with the blocks that this node had already read',
        );
      this.saidShorter = false;
      this.why = undefined;
      if (move.do === 'tell') await this.tell(after, move.event);
      if (move.do === 'sink') await this.sink(after, move.left);
      if (move.do !== 'wait') continue;
      this.isUp = true;
      this.reached();
      await this.agree();
      await this.wait(after.top);
    }
  }

  /** We stand where the chain does; whether that is where everybody's chain does is for it to say. */
  private async agree(): Promise<void> {
    const { chain, clock } = this.options;
    const { hash, isBehind = false } = await this.asking(() => chain.tip());
    this.agreed = hash === this.top.hash && !isBehind ? clock.now() : undefined;
    if (this.agreed === undefined) return;
    await this.recognize();
    for (const handler of this.onSyncedHandlers) handler();
  }

  /** Remembers by what this chain is known again, once it is long enough to matter. */
  private async recognize(): Promise<void> {
    if (this.first !== undefined || this.top.height < MIN_REMEMBERED_HEIGHT) return;
    this.first = await this.asking(() => this.options.chain.hashAt(1));
    if (this.first !== undefined) await this.options.store.commit([firstChange(this.first)]);
  }

  /** The chain has not got the blocks that were read already: said once, however long it takes, and seldom of one that flaps. */
  private lags(tip: BlockRef): void {
    const { clock, log } = this.options;
    this.why = `bitcoind's chain ends at block ${tip.height}, below block ${this.top.height} that this node has read`;
    if (this.saidShorter || clock.now() - this.saidShorterAt < BEHIND_LOG_INTERVAL_MS) return;
    this.saidShorter = true;
    this.saidShorterAt = clock.now();
    log.warn(
      { height: tip.height, read: this.top.height },
      `${this.why}; waiting for its blocks. If this is a new regtest chain, start the node with a new --dir`,
    );
  }

  /** Until there may be something new. A chain that goes away meanwhile is the next look's trouble, after a short pause. */
  private async wait({ hash }: BlockRef): Promise<void> {
    const hurried = new AbortController();
    const hurry = new Promise<void>((resolve) => {
      this.hurry = () => {
        hurried.abort();
        resolve();
      };
    });
    const { signal, release } = following(this.stopping.signal, hurried.signal);
    try {
      await Promise.race([this.options.chain.waitForChange(hash, signal), hurry]);
    } catch (error) {
      if (!this.passes(error)) throw error;
      await pause(this.retry, firstPause);
    } finally {
      this.hurry = () => undefined;
      release();
    }
  }

  private currentBranch(): Branch {
    if (this.branch === undefined) throw new ChainError({ code: 'closed' });
    return this.branch;
  }

  private async look(): Promise<ChainView> {
    const { chain } = this.options;
    const { below, top } = this.currentBranch();
    const { hash, height } = top;
    const [here, next] = await Promise.all([chain.hashAt(height), chain.hashAt(height + 1)]);
    if (here === hash) return { here, above: next === undefined ? undefined : await chain.block(next) };
    await this.isOurs();
    const end = here === undefined && { tip: await chain.tip(), isInvalidated: await chain.isInvalidated(hash) };
    return { here, above: undefined, ...(end && { end }), ...(below.length === 0 && { under: await this.under() }) };
  }

  /**
   * Another chain of the same kind, such as a regtest that was begun anew, is not a reorganization: nothing of this node's is in it.
   * Throws ChainError `other_chain`.
   */
  private async isOurs(): Promise<void> {
    if (this.first === undefined) return;
    const found = await this.options.chain.hashAt(1);
    if (found !== undefined && found !== this.first)
      throw new ChainError({ code: 'other_chain', height: this.top.height });
  }

  /** The block below our lowest: what that says itself, else, where nobody was told of it, one of the chain's far enough down. */
  private async under(): Promise<BlockRef | undefined> {
    const { chain } = this.options;
    const { top, birth } = this.currentBranch();
    if (top.height === 0) return undefined;
    try {
      return { height: top.height - 1, hash: (await chain.block(top.hash)).previous };
    } catch (error) {
      // A block that was left may well be gone from everywhere.
      if (!(error instanceof ChainError) || !/^(?:unknown_block|pruned|refused)$/.test(error.fault.code)) throw error;
    }
    const height = Math.max(0, top.height - MIN_REMEMBERED_HEIGHT);
    const hash = top.height === birth ? await chain.hashAt(height) : undefined;
    return hash === undefined ? undefined : { height, hash };
  }

  private async sink(after: Branch, left: BlockRef): Promise<void> {
    await this.options.store.commit([leftChange(left), ...birthChanges(after)]);
    this.branch = after;
  }

  private async tell(after: Branch, event: ChainEvent): Promise<void> {
    const { listeners, store } = this.options;
    await this.exclusive(async () => {
      const changes = listeners.flatMap((listener) => listener.apply(event));
      await store.commit([...cursorChanges(event, after), ...changes]);
      this.branch = after;
    });
    for (const listener of listeners) await listener.applied?.(event);
    for (const handler of this.onBlockHandlers) handler(event);
  }
}
