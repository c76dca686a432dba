/**
 * Spends that no block holds yet: a preimage in the mempool is as good as one in a block, and a block may be late. What enters
 * the mempool is seen as it comes, where the chain tells; and all outputs are looked at about every second and at each block. A
 * spend is told when it is another than the one before, and that there is none any more when there was one.
 *
 * Why so often: who knows a preimage may put it into the mempool in place of our timeout, and take it out at once by replacing
 * what paid for it. If nobody sees it in between, our timeout is gone, and the preimage is used when ours has expired too.
 */
import { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import { txid } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import { outpointKey } from '../chain/watch.ts';
import type { Chain, ChainTx, Clock, Entropy, Log, Outpoint } from '../ports/ports.ts';
import { randomBetween } from './randomtimes.ts';

export interface MempoolParts {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Told of each transaction that spends a watched output. */
  readonly onSpend: (owner: string, outpoint: Outpoint, spender: ChainTx) => void;
  /** What spent a watched output does so no more, and nothing else does: it was replaced by something else, or dropped. */
  readonly onSpendGone: (owner: string, outpoint: Outpoint) => void;
  /** Something failed that is not the chain's silence. */
  readonly fatal: (error: unknown) => void;
}

/** Milliseconds between two looks, the least and the most: nobody may know when to be away. */
const POLL_MS = [500, 1_500] as const;

interface Watched {
  readonly outpoint: Outpoint;
  /** Id of the spender that `onSpend` was last called with; undefined while there is none. */
  lastSpender: string | undefined;
  /** A block holds a spend: there is nothing to look for. */
  mined: boolean;
}

export class MempoolWatch {
  private readonly parts: MempoolParts;
  /** By owner, then by outpoint. */
  private readonly owners = new Map<string, Map<string, Watched>>();
  private cancel: () => void = () => undefined;
  private unsubscribe: () => void = () => undefined;
  private started = false;
  private running: Promise<void> | undefined;

  constructor(parts: MempoolParts) {
    this.parts = parts;
  }

  /** Looks out for spends of these too. */
  watch(owner: string, outpoints: readonly Outpoint[]): void {
    const watched = this.owners.get(owner) ?? new Map<string, Watched>();
    this.owners.set(owner, watched);
    for (const outpoint of outpoints) {
      const key = outpointKey(outpoint.txid, outpoint.vout);
      if (!watched.has(key)) watched.set(key, { outpoint, lastSpender: undefined, mined: false });
    }
  }

  /** Whether a block of the best chain holds a spend of this. */
  setMined(owner: string, outpoint: Outpoint, mined: boolean): void {
    const watched = this.owners.get(owner)?.get(outpointKey(outpoint.txid, outpoint.vout));
    if (watched !== undefined) watched.mined = mined;
  }

  forget(owner: string): void {
    this.owners.delete(owner);
  }

  start(): void {
    this.started = true;
    this.unsubscribe = this.parts.chain.subscribeRawTx((tx) => this.arrived(tx));
    void this.poll();
  }

  /** Ends; resolves when nothing is being asked any more. */
  async stop(): Promise<void> {
    this.started = false;
    this.cancel();
    this.unsubscribe();
    await this.running;
  }

  /** Looks now; resolves when all have been asked for. One look at a time. Never rejects. */
  poll(): Promise<void> {
    if (!this.started) return Promise.resolve();
    this.running ??= this.lookAtAll()
      .catch(this.parts.fatal)
      .finally(() => {
        this.running = undefined;
        this.cancel();
        const { clock, entropy } = this.parts;
        if (this.started) this.cancel = clock.after(randomBetween(entropy, POLL_MS), () => void this.poll());
      });
    return this.running;
  }

  /** What is not in a block, as far as we know. */
  private waiting(): readonly (readonly [owner: string, watched: Watched])[] {
    return [...this.owners].flatMap(([owner, outputs]) =>
      [...outputs.values()].flatMap((watched) => (watched.mined ? [] : [[owner, watched] as const])),
    );
  }

  private arrived(raw: Uint8Array): void {
    if (!this.started || this.owners.size === 0) return;
    const tx = Transaction.fromBuffer(raw);
    for (const { hash, index } of tx.ins) {
      const key = outpointKey(hash, index);
      for (const [owner, outputs] of this.owners) {
        const watched = outputs.get(key);
        if (watched !== undefined && !watched.mined) this.note(owner, watched, { txid: txid(tx.getHash()), tx });
      }
    }
  }

  private note(owner: string, watched: Watched, spender: ChainTx): void {
    const id = hex(spender.txid);
    if (watched.lastSpender === id) return;
    watched.lastSpender = id;
    this.parts.onSpend(owner, watched.outpoint, spender);
  }

  private async lookAtAll(): Promise<void> {
    const { chain, log, onSpendGone } = this.parts;
    const waiting = this.waiting();
    if (waiting.length === 0) return;
    try {
      const ids = await chain.mempoolSpenders(waiting.map(([, { outpoint }]) => outpoint));
      for (const [i, [owner, watched]] of waiting.entries()) {
        if (!this.started) return;
        const id = ids[i];
        if (watched.mined || watched.lastSpender === (id && hex(id))) continue;
        const spender = id && (await chain.mempoolSpender(watched.outpoint));
        if (spender !== undefined) this.note(owner, watched, spender);
        else if (id === undefined) {
          watched.lastSpender = undefined;
          onSpendGone(owner, watched.outpoint);
        }
      }
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      log.debug({ reason: error.message }, 'could not query the mempool: retrying');
    }
  }
}
