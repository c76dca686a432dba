/**
 * A regtest chain in memory that mines when told: the ledger and the pool, kept in step. It decides everything at once and
 * waits for nothing; the ports on top of it (command.ts, serve.ts) bring promises and sockets.
 */

import type { Block, Transaction } from 'bitcoinjs-lib';
import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import { isFeeTooLow } from '../../chain/errors.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import type { Clock, Outpoint } from '../../ports/ports.ts';
import { accept, acceptPair, isKnown, readmit, type Standing } from './accept.ts';
import { makeBlock, readBlock, readTransaction } from './block.ts';
import { type Coin, spentKeys } from './coins.ts';
import { maximumBlockWeight, subsidy } from './consensus.ts';
import { Ledger, type Switch } from './ledger.ts';
import { type Entry, Pool } from './pool.ts';
import { loadScripts, type ScriptCheck } from './script.ts';

/** Kept free for the coinbase. */
const coinbaseWeight = 4_000;

export interface MineOptions {
  /** Exactly these transactions instead of what waits: none for an empty block. They need not be worth relaying. */
  readonly only?: readonly Uint8Array[];
}

/** All that ever changes a chain: the same deeds in the same order make the same chain again. */
export type Deed =
  | { readonly deed: 'sent'; readonly raw: Uint8Array }
  | { readonly deed: 'pair'; readonly raw: Uint8Array; readonly child: Uint8Array }
  | { readonly deed: 'block'; readonly raw: Uint8Array }
  | { readonly deed: 'invalidated'; readonly hash: string }
  | { readonly deed: 'reconsidered'; readonly hash: string };

export class Regtest {
  readonly ledger: Ledger;
  readonly pool = new Pool();
  /**
   * Satoshi per 1,000 weight below which miners leave a transaction, with all it hangs on, in the pool; also what estimates
   * say. 0 where blocks are empty and any fee will do.
   */
  demand = 0;
  /** Satoshi per 1,000 weight below which the pool takes nothing that no child pays for, as one that is full; 0 while it is not. */
  minimum = 0;
  private readonly scripts: ScriptCheck;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly listeners = new Set<() => void>();
  private readonly hearers = new Set<(tx: Uint8Array) => void>();
  private did: (deed: Deed) => void = () => undefined;
  private blocksTaken = 0;

  constructor(scripts: ScriptCheck, clock: Pick<Clock, 'now'>) {
    this.scripts = scripts;
    this.clock = clock;
    this.ledger = new Ledger(scripts);
  }

  private get standing(): Standing {
    const { ledger, pool, scripts } = this;
    const { coins, next, medianTimeAt } = ledger;
    return { coins, pool, next, medianTimeAt, scripts, minimum: this.minimum };
  }

  /** Tells everything that is done from now on, to be done again with `redo`. */
  keep(did: (deed: Deed) => void): void {
    this.did = did;
  }

  /** Does once more what was done. Throws ChainError where it cannot be, which a whole record never shows. */
  redo(deed: Deed): void {
    switch (deed.deed) {
      case 'sent':
        this.send(deed.raw);
        break;
      case 'pair':
        this.sendPair(deed.raw, deed.child);
        break;
      case 'block':
        this.submit(deed.raw);
        break;
      case 'invalidated':
        this.invalidate(deed.hash);
        break;
      case 'reconsidered':
        this.reconsider(deed.hash);
    }
  }

  /** Calls back after every change of the tip; the function returned ends that. */
  onTip(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back with each transaction that the pool takes; the function returned ends that. */
  onArrival(listener: (tx: Uint8Array) => void): () => void {
    this.hearers.add(listener);
    return () => this.hearers.delete(listener);
  }

  private arrived(...transactions: readonly Uint8Array[]): void {
    for (const hear of [...this.hearers]) for (const tx of transactions) hear(tx);
  }

  /**
   * Takes a transaction from the network. One that waits already or is mined and not all spent is a success. Returns it
   * read, and what became of it. `most` is the fee that its sender allows, satoshi per 1,000 vbytes; 0: any. Throws
   * ChainError `rejected`.
   */
  send(raw: Uint8Array, most = 0n): { readonly tx: Transaction; readonly became: 'taken' | 'waiting' | 'mined' } {
    const tx = readTransaction(raw);
    const { standing } = this;
    if (isKnown(tx, standing))
      return { tx, became: this.pool.get(hex(tx.getHash())) === undefined ? 'mined' : 'waiting' };
    const { entry, replaces } = accept(tx, standing, most);
    this.pool.remove(replaces);
    this.pool.add(entry);
    this.did({ deed: 'sent', raw });
    this.arrived(raw);
    return { tx, became: 'taken' };
  }

  /** Whether a transaction would be taken now. `most` as for `send`. Throws ChainError `rejected`. */
  check(raw: Uint8Array, most = 0n): void {
    const tx = readTransaction(raw);
    const { standing } = this;
    if (!isKnown(tx, standing)) accept(tx, standing, most);
  }

  /**
   * Takes a transaction and one that hangs on it. A parent that would be refused for its fee alone is judged together with
   * the child. `most` as for `send`, for each of them. Throws ChainError `rejected`.
   */
  sendPair(raw: Uint8Array, child: Uint8Array, most = 0n): void {
    try {
      this.send(raw, most);
    } catch (error) {
      if (!isFeeTooLow(error)) throw error;
      const { entries, replaces } = acceptPair([readTransaction(raw), readTransaction(child)], this.standing, most);
      this.pool.remove(replaces);
      for (const entry of entries) this.pool.add(entry);
      this.did({ deed: 'pair', raw, child });
      this.arrived(raw, child);
      return;
    }
    this.send(child, most);
  }

  /** Mines blocks that pay this script and gives their hashes. Throws ChainError `rejected` for `only` that cannot be. */
  mine(blocks: number, script: Uint8Array, { only }: MineOptions = {}): readonly string[] {
    const hashes: string[] = [];
    for (let i = 0; i < blocks; i++) {
      const entries = only === undefined ? this.chosen() : [];
      const given = only === undefined ? entries.map(({ tx }) => tx) : only.map(readTransaction);
      const fees = only === undefined ? entries.reduce((sum, { fee }) => sum + fee, 0n) : 0n;
      hashes.push(this.mineOne(script, given, fees));
    }
    return hashes;
  }

  private mineOne(script: Uint8Array, transactions: readonly Transaction[], fees: bigint): string {
    const { tip } = this.ledger;
    const height = tip.height + 1;
    const block = makeBlock({
      previous: reversed(unhex(tip.hash)),
      height,
      time: Math.max(tip.medianTime + 1, Math.floor(this.clock.now() / 1000)),
      script,
      reward: subsidy(height) + fees,
      transactions,
      salt: this.blocksTaken,
    });
    return this.take(block);
  }

  /** What the next block takes from the pool: all that pays enough together with what it hangs on, while there is room. */
  private chosen(): readonly Entry[] {
    const taken = new Set<string>();
    let room = maximumBlockWeight - coinbaseWeight;
    for (const { id } of this.pool.entries()) {
      const family = [...this.pool.ancestors([id])].filter((one) => !taken.has(one));
      const members = family.flatMap((one) => this.pool.get(one) ?? []);
      const fee = members.reduce((sum, one) => sum + one.fee, 0n);
      const weight = members.reduce((sum, one) => sum + one.tx.weight(), 0);
      if (weight > room || fee * 1000n < BigInt(this.demand) * BigInt(weight)) continue;
      room -= weight;
      for (const one of family) taken.add(one);
    }
    return this.pool.entries().filter(({ id }) => taken.has(id));
  }

  /** Takes a block made elsewhere, and gives its hash. Throws ChainError `rejected`. */
  submit(raw: Uint8Array): string {
    return this.take(readBlock(raw));
  }

  private take(block: Block): string {
    this.blocksTaken++;
    const change = this.ledger.add(block);
    this.did({ deed: 'block', raw: block.toBuffer() });
    this.after(change);
    return block.getId();
  }

  /** As bitcoind's invalidateblock: the chain goes on as if this block and all above broke the rules. */
  invalidate(hash: string): void {
    const change = this.ledger.invalidate(hash);
    this.did({ deed: 'invalidated', hash });
    this.after(change);
  }

  /** As bitcoind's reconsiderblock. */
  reconsider(hash: string): void {
    const change = this.ledger.reconsider(hash);
    this.did({ deed: 'reconsidered', hash });
    this.after(change);
  }

  /** Takes the last blocks off; what was in them waits again. */
  drop(blocks: number): void {
    const { tip } = this.ledger;
    const lowest = this.ledger.at(tip.height - blocks + 1);
    if (blocks > 0 && lowest !== undefined) this.invalidate(lowest.hash);
  }

  /** The coin at an outpoint, if a block made it and none spends it. */
  coin({ txid, vout }: Outpoint): Coin | undefined {
    return this.ledger.coins.get(outpointKey(txid, vout));
  }

  /** An output of a waiting transaction, as if the next block had it. */
  waitingCoin({ txid, vout }: Outpoint): Coin | undefined {
    return this.pool.coin(outpointKey(txid, vout), this.ledger.next.height);
  }

  /** The waiting transaction that spends an outpoint. */
  spender({ txid, vout }: Outpoint): Entry | undefined {
    return this.pool.spender(outpointKey(txid, vout));
  }

  private after({ left, came }: Switch): void {
    if (left.length > 0)
      this.refill([...left].reverse().flatMap(({ transactions }) => transactions.map(({ tx }) => tx)));
    else for (const { transactions } of came) this.clearOut(transactions.map(({ tx }) => tx));
    if (left.length > 0 || came.length > 0) for (const listener of [...this.listeners]) listener();
  }

  /** What is in a block waits no more, and what spends the same cannot wait any more. */
  private clearOut(transactions: readonly Transaction[]): void {
    this.pool.remove(transactions.map((tx) => hex(tx.getHash())));
    for (const tx of transactions)
      for (const key of spentKeys(tx)) {
        const loser = this.pool.spender(key);
        if (loser !== undefined) this.pool.remove(this.pool.descendants([loser.id]));
      }
  }

  /** After a reorg: what was in the lost blocks waits again, then what waited before, each if it still can. */
  private refill(lost: readonly Transaction[]): void {
    const waiting = this.pool.entries().map(({ tx }) => tx);
    this.pool.clear();
    for (const tx of [...lost, ...waiting]) {
      const entry = readmit(tx, this.standing);
      if (entry !== undefined) this.pool.add(entry);
    }
  }
}

/** A new regtest chain with only its first block. Throws NoInterpreter where bitcore-lib is not installed. */
export const openRegtest = async (clock: Pick<Clock, 'now'>): Promise<Regtest> =>
  new Regtest(await loadScripts(), clock);
