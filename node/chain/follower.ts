/**
 * Keeps a node in step with its chain. Each block's consequences (the cursor and what every listener wants kept) are one
 * commit, so after a crash all of them stand at the same block. The chain may be away at any time: it is waited for.
 */
import { hex, unhex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import type { BlockRef, Chain, ChainEvent, Clock, Log, Store } from '../ports.ts';
import { StoreError } from '../store/errors.ts';
import { ChainError, isTransient } from './errors.ts';
import { type Branch, follow, rememberedBlocks, type View } from './follow.ts';
import { firstPause, pause, type Retry, retrying } from './retry.ts';

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
  /** Called each time the chain says that it has no block above the branch followed. */
  readonly current?: () => void;
}

/** Milliseconds for which the chain's word holds that there is no other block. It is asked again before, unless the machine sleeps. */
const HOLDS_MS = 30_000;

const prefix = 'chain/block/';
const keyOf = (height: number): string => `${prefix}${height.toString().padStart(10, '0')}`;

const load = async (store: Store): Promise<Branch | undefined> => {
  const refs: BlockRef[] = [];
  for await (const [key, value] of store.entries(prefix)) {
    if (value.length !== 32)
      throw new StoreError({ code: 'corrupt', key, detail: 'expected a block hash of 32 bytes' });
    refs.push({ height: Number(key.slice(prefix.length)), hash: hex(value) });
  }
  const top = refs.pop();
  return top === undefined ? undefined : { below: refs, top };
};

const cursorChanges = (event: ChainEvent): Change[] => {
  if (event.event === 'disconnected') return [{ key: keyOf(event.height), value: undefined }];
  const { height, hash } = event.block;
  const kept: Change[] = [{ key: keyOf(height), value: unhex(hash) }];
  if (height >= rememberedBlocks) kept.push({ key: keyOf(height - rememberedBlocks), value: undefined });
  return kept;
};

export class Follower {
  private readonly options: FollowerOptions;
  private readonly retry: Retry;
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
    this.retry = { clock: options.clock, log: options.log, signal: this.stopping.signal };
    // Not everybody waits for it.
    this.caughtUp.catch(() => undefined);
  }

  /** The block up to which everything has been applied. Throws ChainError `closed` before `start`. */
  get top(): BlockRef {
    return this.standing().top;
  }

  /** The top's height; 0 where there is none yet. */
  get height(): number {
    return this.branch?.top.height ?? 0;
  }

  /**
   * Whether the top is the chain's tip, as far as anybody can know: not while blocks are being told, nor when the chain has not
   * been heard of for a while or says itself that it is behind. Asks the chain where it is not.
   */
  isCurrent(): boolean {
    const age = this.agreed === undefined ? -1 : this.options.clock.now() - this.agreed;
    if (age >= 0 && age <= HOLDS_MS) return true;
    this.hurry();
    return false;
  }

  /** Finds the cursor, without the chain. Throws StoreError. */
  async load(): Promise<void> {
    this.branch ??= await load(this.options.store);
  }

  /**
   * Sets the cursor where a new node begins, and then follows in the background until stopped. `broke` is called once if that ends
   * by itself: the store failed, a listener threw, or a reorg went deeper than we remember.
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
  patiently<T>(ask: () => Promise<T>): Promise<T> {
    return retrying(this.retry, ask);
  }

  /** Runs something while no event is applied, for those who look back at blocks already told. */
  exclusive<T>(run: () => Promise<T>): Promise<T> {
    const result = this.turn.then(run);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async begin(): Promise<Branch> {
    const { chain, store, birth } = this.options;
    const top = await retrying(this.retry, async () => {
      const tip = await chain.tip();
      const hash = birth === 'tip' || birth >= tip.height ? undefined : await chain.hashAt(birth);
      return hash === undefined || birth === 'tip' ? tip : { height: birth, hash };
    });
    await store.commit([{ key: keyOf(top.height), value: unhex(top.hash) }]);
    return { below: [], top };
  }

  private asking<T>(ask: () => Promise<T>): Promise<T> {
    return retrying(this.retry, ask, (error): error is ChainError => this.passes(error));
  }

  /**
   * What is wrong at the start is for whoever started it to mend. Later there may be HTLCs, which peers can still end together:
   * then any trouble is waited out, be it a password that was changed or an answer that makes no sense (outage.ts tells of it).
   */
  private passes(error: unknown): error is ChainError {
    return isTransient(error) || (this.isUp && error instanceof ChainError && error.fault.code !== 'closed');
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const [after, move] = follow(this.standing(), await this.asking(() => this.look()));
      if (move.do === 'give_up') throw new ChainError({ code: 'reorg_too_deep', height: move.height });
      if (move.do !== 'wait') this.agreed = undefined;
      if (move.do === 'tell') await this.tell(after, move.event);
      if (move.do !== 'wait') continue;
      this.isUp = true;
      this.reached();
      await this.agree();
      await this.wait(after);
    }
  }

  /** We stand where the chain does; whether that is where everybody's chain does is for it to say. */
  private async agree(): Promise<void> {
    const { chain, clock, current } = this.options;
    const { hash, isBehind = false } = await this.asking(() => chain.tip());
    this.agreed = hash === this.top.hash && !isBehind ? clock.now() : undefined;
    if (this.agreed !== undefined) current?.();
  }

  /** Until there may be something new. A chain that goes away meanwhile is the next look's trouble, after a short pause. */
  private async wait({ top }: Branch): Promise<void> {
    const hurried = new AbortController();
    const hurry = new Promise<void>((resolve) => {
      this.hurry = () => {
        hurried.abort();
        resolve();
      };
    });
    try {
      const signal = AbortSignal.any([this.stopping.signal, hurried.signal]);
      await Promise.race([this.options.chain.changed(top.hash, signal), hurry]);
    } catch (error) {
      if (!this.passes(error)) throw error;
      await pause(this.retry, firstPause);
    } finally {
      this.hurry = () => undefined;
    }
  }

  private standing(): Branch {
    if (this.branch === undefined) throw new ChainError({ code: 'closed' });
    return this.branch;
  }

  private async look(): Promise<View> {
    const { chain } = this.options;
    const { hash, height } = this.top;
    const [here, next] = await Promise.all([chain.hashAt(height), chain.hashAt(height + 1)]);
    return { here, above: here !== hash || next === undefined ? undefined : await chain.block(next) };
  }

  private async tell(after: Branch, event: ChainEvent): Promise<void> {
    const { listeners, store } = this.options;
    await this.exclusive(async () => {
      const changes = listeners.flatMap((listener) => listener.apply(event));
      await store.commit([...cursorChanges(event), ...changes]);
      this.branch = after;
    });
    for (const listener of listeners) await listener.applied?.(event);
  }
}
