/**
 * Follows the chain block by block. What a block changes (the cursor and the records of every listener) is one commit, so after a
 * crash all of them stand at the same block. The chain may stop answering at any time: the follower then waits and tries again.
 */

import type { Change } from '../../wire/change.ts';
import { following } from '../base/following.ts';
import type { BlockRef, Chain, ChainEvent, Clock, Log, Store } from '../ports/ports.ts';
import { birthChanges, cursorChanges, firstChange, leftChange, loadBranch, loadFirst } from './cursor.ts';
import { ChainError, isRetriable } from './errors.ts';
import { type Branch, type ChainView, follow } from './followrules.ts';
import { firstPause, pause, type Retry, retryWhile } from './retry.ts';

/** A part of the node that needs every block, in order. */
export interface ChainListener {
  /** Applies an event in memory and returns the changes to store. Called once for each event, in order; never throws. */
  apply(event: ChainEvent): readonly Change[];
  /** Called once those changes are durable; the next event waits for it. A crash may come before it is called. */
  applied?(event: ChainEvent): Promise<void> | void;
}

export interface FollowerOptions {
  readonly chain: Chain;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** The height at which a node without a cursor begins: it reads the blocks above it, or those above the present tip. */
  readonly birth: number | 'tip';
  readonly listeners: readonly ChainListener[];
}

/** Milliseconds for which an answer that there is no newer block is valid. The chain is asked again sooner, unless the machine sleeps. */
const SYNCED_FOR_MS = 30_000;

/** Milliseconds between two log lines that the chain's tip is below the top: a bitcoind may go back and forth. */
const BEHIND_LOG_INTERVAL_MS = 600_000;

/** Height from which block 1 is remembered, to recognize the chain. On a shorter chain no coinbase has matured: nobody has coins. */
const MIN_REMEMBERED_HEIGHT = 100;

export class Follower {
  private readonly options: FollowerOptions;
  private readonly onBlockHandlers: ((event: ChainEvent) => void)[] = [];
  private readonly onSyncedHandlers: (() => void)[] = [];
  private readonly retry: Retry;
  /** Why the chain cannot be followed now; undefined while it can. */
  private chainProblem: string | undefined;
  /** Whether it was logged that the chain's tip is below the top, and not yet that this is over; and when it was logged last. */
  private isBehindLogged = false;
  private behindLoggedAt = Number.NEGATIVE_INFINITY;
  /** Hash of block 1, which tells this chain from another: see `checkSameChain`. */
  private firstBlock: string | undefined;
  private readonly stopping = new AbortController();
  private branch: Branch | undefined;
  private running: Promise<void> = Promise.resolve();
  private turn: Promise<unknown> = Promise.resolve();
  private resolveCaughtUp: () => void = () => undefined;
  private rejectCaughtUp: (error: unknown) => void = () => undefined;
  /** Whether the top was the chain's tip at least once. */
  private hasSynced = false;
  private interruptWait: () => void = () => undefined;
  /** When the top was last known to be the chain's tip, by the clock; undefined once the chain is known to have more. */
  private syncedAt: number | undefined;
  /** Resolves when the top is the chain's tip for the first time; rejects when following ends before that, `closed` by `stop`. */
  readonly caughtUp = new Promise<void>((resolve, reject) => {
    this.resolveCaughtUp = resolve;
    this.rejectCaughtUp = reject;
  });

  constructor(options: FollowerOptions) {
    this.options = options;
    this.retry = {
      ...{ clock: options.clock, log: options.log, signal: this.stopping.signal },
      onProblem: (why) => {
        this.chainProblem = why;
      },
    };
    // Nobody has to wait for it.
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
   * Whether the top is the chain's tip: not while blocks are being applied, nor when the chain has not answered for a while or
   * says itself that it is behind. Where it is not, the chain is asked at once.
   */
  isSynced(): boolean {
    const age = this.syncedAt === undefined ? -1 : this.options.clock.now() - this.syncedAt;
    if (age >= 0 && age <= SYNCED_FOR_MS) return true;
    this.interruptWait();
    return false;
  }

  /** Why the chain cannot be followed now, as a sentence; undefined while it can. */
  get problem(): string | undefined {
    return this.chainProblem;
  }

  /** Reads the cursor from the store; does not ask the chain. Throws StoreError. */
  async load(): Promise<void> {
    this.branch ??= await loadBranch(this.options.store);
    this.firstBlock ??= await loadFirst(this.options.store);
  }

  /**
   * Sets the cursor of a new node, and then follows in the background until stopped. `broke` is called once if following ends by
   * itself: the store failed, a listener threw, the chain is another one, or a reorg goes deeper than what is remembered.
   */
  async start(broke: (error: unknown) => void): Promise<void> {
    await this.load();
    this.branch ??= await this.begin();
    this.running = this.run()
      .catch((error: unknown) => {
        this.rejectCaughtUp(error);
        if (!this.stopping.signal.aborted) broke(error);
      })
      .finally(() => this.rejectCaughtUp(new ChainError({ code: 'closed' })));
  }

  /** Stops following. Resolves when the event that is being applied, if any, is finished. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** The answer to a question, asked until the chain gives one. Throws ChainError, `closed` once stopped. */
  retryUntilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    return retryWhile(this.retry, ask);
  }

  /**
   * As `retryUntilAnswered`, for a question about a block of the branch that is followed. The chain may not have that block any
   * more, or not yet: the question is repeated, and blocks are connected and disconnected in between.
   */
  retryOnBranch<T>(ask: () => Promise<T>): Promise<T> {
    const isWaitedOut = (error: unknown): error is ChainError =>
      isRetriable(error) || (error instanceof ChainError && error.fault.code === 'unknown_block');
    return retryWhile(this.retry, ask, isWaitedOut);
  }

  /** Runs something while no event is applied, for code that reads blocks already applied. */
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

  private askUntilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    return retryWhile(this.retry, ask, (error): error is ChainError => this.passes(error));
  }

  /**
   * At the start an error is for whoever started the node to mend. Later the node may hold HTLCs, which it can still resolve with
   * its peers: then it waits whatever the error is, even a changed password or an invalid answer (outage.ts logs it).
   */
  private passes(error: unknown): error is ChainError {
    return isRetriable(error) || (this.hasSynced && error instanceof ChainError && error.fault.code !== 'closed');
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const [after, move] = follow(this.currentBranch(), await this.askUntilAnswered(() => this.look()));
      if (move.do === 'give_up') throw new ChainError({ code: 'reorg_too_deep', height: move.height });
      if (move.do !== 'wait') this.syncedAt = undefined;
      if (move.do === 'behind') {
        this.noteBehind(move.tip);
        await this.wait(move.tip);
        continue;
      }
      if (this.isBehindLogged)
        this.options.log.info(
          { height: this.height },
          'bitcoind has caught up with the blocks that this node had already read',
        );
      this.isBehindLogged = false;
      this.chainProblem = undefined;
      if (move.do === 'apply') await this.applyEvent(after, move.event);
      if (move.do === 'move_birth') await this.moveBirth(after, move.left);
      if (move.do !== 'wait') continue;
      this.hasSynced = true;
      this.resolveCaughtUp();
      await this.checkSynced();
      await this.wait(after.top);
    }
  }

  /** The top is the chain's tip; whether the chain itself has all blocks of the network, only it can say. */
  private async checkSynced(): Promise<void> {
    const { chain, clock } = this.options;
    const { hash, isBehind = false } = await this.askUntilAnswered(() => chain.tip());
    this.syncedAt = hash === this.top.hash && !isBehind ? clock.now() : undefined;
    if (this.syncedAt === undefined) return;
    await this.saveFirstBlock();
    for (const handler of this.onSyncedHandlers) handler();
  }

  /** Remembers block 1, which identifies this chain, once the chain is long enough to matter. */
  private async saveFirstBlock(): Promise<void> {
    if (this.firstBlock !== undefined || this.top.height < MIN_REMEMBERED_HEIGHT) return;
    this.firstBlock = await this.askUntilAnswered(() => this.options.chain.hashAt(1));
    if (this.firstBlock !== undefined) await this.options.store.commit([firstChange(this.firstBlock)]);
  }

  /** The chain does not have the blocks that were applied already: logged once, however long it lasts, and seldom if it goes back and forth. */
  private noteBehind(tip: BlockRef): void {
    const { clock, log } = this.options;
    this.chainProblem = `bitcoind's chain ends at block ${tip.height}, below block ${this.top.height} that this node has read`;
    if (this.isBehindLogged || clock.now() - this.behindLoggedAt < BEHIND_LOG_INTERVAL_MS) return;
    this.isBehindLogged = true;
    this.behindLoggedAt = clock.now();
    log.warn(
      { height: tip.height, read: this.top.height },
      `${this.chainProblem}; waiting for its blocks. If this is a new regtest chain, start the node with a new --dir`,
    );
  }

  /** Waits until there may be a new block. If the chain stops answering meanwhile, the next look finds out, after a short pause. */
  private async wait({ hash }: BlockRef): Promise<void> {
    const hurried = new AbortController();
    const hurry = new Promise<void>((resolve) => {
      this.interruptWait = () => {
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
      this.interruptWait = () => undefined;
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
    await this.checkSameChain();
    const end = here === undefined && { tip: await chain.tip(), isInvalidated: await chain.isInvalidated(hash) };
    return { here, above: undefined, ...(end && { end }), ...(below.length === 0 && { under: await this.under() }) };
  }

  /**
   * Another chain of the same kind, such as a regtest that was begun anew, is not a reorganization: nothing of this node's is in it.
   * Throws ChainError `other_chain`.
   */
  private async checkSameChain(): Promise<void> {
    if (this.firstBlock === undefined) return;
    const found = await this.options.chain.hashAt(1);
    if (found !== undefined && found !== this.firstBlock)
      throw new ChainError({ code: 'other_chain', height: this.top.height });
  }

  /** The block below our lowest: its parent, or else, where no listener applied our lowest, one of the chain far enough down. */
  private async under(): Promise<BlockRef | undefined> {
    const { chain } = this.options;
    const { top, birth } = this.currentBranch();
    if (top.height === 0) return undefined;
    try {
      return { height: top.height - 1, hash: (await chain.block(top.hash)).previous };
    } catch (error) {
      // The chain may no longer keep a block that a reorg removed.
      if (!(error instanceof ChainError) || !/^(?:unknown_block|pruned|refused)$/.test(error.fault.code)) throw error;
    }
    const height = Math.max(0, top.height - MIN_REMEMBERED_HEIGHT);
    const hash = top.height === birth ? await chain.hashAt(height) : undefined;
    return hash === undefined ? undefined : { height, hash };
  }

  private async moveBirth(after: Branch, left: BlockRef): Promise<void> {
    await this.options.store.commit([leftChange(left), ...birthChanges(after)]);
    this.branch = after;
  }

  private async applyEvent(after: Branch, event: ChainEvent): Promise<void> {
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
