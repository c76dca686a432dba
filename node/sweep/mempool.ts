/**
 * Watches the mempool for spends of outputs: a preimage in the mempool is as good as one in a block, and comes earlier. Where the
 * chain notifies of each transaction, spends are seen at once; besides, all outputs are polled about every second and at each
 * block. `onSpend` is called when the spender changes, `onSpendGone` when there is none any more.
 *
 * Why so often: in a replacement cycling attack the peer replaces our timeout with its preimage claim, and then removes that
 * claim again by replacing its fee input. Unless we see the preimage in between, our timeout is gone, and the peer can claim with
 * the preimage once the incoming HTLC has expired.
 */
import { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import { txid } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import { outpointKey } from '../chain/watchrules.ts';
import type { Chain, ChainTx, Clock, Entropy, Log, Outpoint } from '../ports/ports.ts';
import { randomBetween } from './randomtimes.ts';

export interface MempoolParts {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Called with each transaction that spends a watched output. */
  readonly onSpend: (owner: string, outpoint: Outpoint, spender: ChainTx) => void;
  /** Called when the spender of a watched output left the mempool, replaced or dropped, and nothing else spends the output. */
  readonly onSpendGone: (owner: string, outpoint: Outpoint) => void;
  /** Called with any error but that the chain did not answer. */
  readonly fatal: (error: unknown) => void;
}

/** Milliseconds between two polls, at least and at most: random, so that an attacker cannot time a spend between two of them. */
const POLL_MS = [500, 1_500] as const;

interface Watched {
  readonly outpoint: Outpoint;
  /** Id of the spender that `onSpend` was last called with; undefined while there is none. */
  lastSpender: string | undefined;
  /** A block of the best chain contains a spend: no polling is needed. */
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

  /** Adds outpoints to watch for an owner. */
  watch(owner: string, outpoints: readonly Outpoint[]): void {
    const watched = this.owners.get(owner) ?? new Map<string, Watched>();
    this.owners.set(owner, watched);
    for (const outpoint of outpoints) {
      const key = outpointKey(outpoint.txid, outpoint.vout);
      if (!watched.has(key)) watched.set(key, { outpoint, lastSpender: undefined, mined: false });
    }
  }

  /** Sets whether a block of the best chain contains a spend of this outpoint. */
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

  /** Stops; resolves when the poll that is running, if any, is finished. */
  async stop(): Promise<void> {
    this.started = false;
    this.cancel();
    this.unsubscribe();
    await this.running;
  }

  /** Polls now, one poll at a time; resolves when it is finished. Never rejects. */
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

  /** The watched outputs that no block spends, as far as we know. */
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
