/**
 * A regtest chain in memory that mines on demand: the ledger and the mempool, kept consistent. Everything is synchronous; the layers above
 * it (command.ts, serve.ts) add promises and sockets.
 */

import type { Block, Transaction } from 'bitcoinjs-lib';
import { hex, reversed, unhex } from '../../../wire/bytes.ts';
import { isFeeTooLow } from '../../chain/errors.ts';
import { outpointKey } from '../../chain/watchrules.ts';
import type { Clock, Outpoint } from '../../ports/ports.ts';
import { type AcceptContext, accept, acceptPair, isKnown, readmit } from './accept.ts';
import { makeBlock, readBlock, readTransaction } from './block.ts';
import { type Coin, idOf, spentKeys } from './coins.ts';
import { maximumBlockWeight, subsidy } from './consensus.ts';
import { Ledger, type Switch } from './ledger.ts';
import { type Entry, Pool } from './pool.ts';
import { loadScripts, type ScriptCheck } from './script.ts';

/** Weight reserved for the coinbase. */
const coinbaseWeight = 4_000;

export interface MineOptions {
  /** Exactly these transactions instead of the mempool's; none for an empty block. They need not be standard. */
  readonly only?: readonly Uint8Array[];
}

/** Every kind of change of a chain: the same changes in the same order give the same chain. */
export type ChainChange =
  | { readonly change: 'sent'; readonly raw: Uint8Array }
  | { readonly change: 'pair'; readonly raw: Uint8Array; readonly child: Uint8Array }
  | { readonly change: 'block'; readonly raw: Uint8Array }
  | { readonly change: 'invalidated'; readonly hash: string }
  | { readonly change: 'reconsidered'; readonly hash: string };

export class Regtest {
  readonly ledger: Ledger;
  readonly pool = new Pool();
  /**
   * Lowest feerate, satoshi per 1,000 weight, that is mined, counted with ancestors; also the fee estimate. 0: any fee is mined.
   */
  demand = 0;
  /** Minimum feerate of the mempool as if it were full, satoshi per 1,000 weight; children may pay for parents. 0: not full. */
  minimum = 0;
  private readonly scripts: ScriptCheck;
  private readonly clock: Pick<Clock, 'now'>;
  private readonly listeners = new Set<() => void>();
  private readonly hearers = new Set<(tx: Uint8Array) => void>();
  private readonly followers = new Set<(change: Switch) => void>();
  private did: ((change: ChainChange) => void) | undefined;
  private blocksTaken = 0;

  constructor(scripts: ScriptCheck, clock: Pick<Clock, 'now'>, ledger: Ledger = new Ledger(scripts)) {
    this.scripts = scripts;
    this.clock = clock;
    this.ledger = ledger;
  }

  /** A chain with the same blocks and an empty mempool, which goes its own way from here. */
  copy(): Regtest {
    const copy = new Regtest(this.scripts, this.clock, this.ledger.copy());
    copy.blocksTaken = this.blocksTaken;
    return copy;
  }

  private get context(): AcceptContext {
    const { ledger, pool, scripts } = this;
    const { coins, next, medianTimeAt } = ledger;
    return { coins, pool, next, medianTimeAt, scripts, minimum: this.minimum };
  }

  /** Calls back with every change from now on, which `redo` can repeat. */
  keep(did: (change: ChainChange) => void): void {
    this.did = did;
  }

  /** Repeats a change. Throws ChainError where that is impossible, which cannot happen with a complete record. */
  redo(change: ChainChange): void {
    switch (change.change) {
      case 'sent':
        this.send(change.raw);
        break;
      case 'pair':
        this.sendPair(change.raw, change.child);
        break;
      case 'block':
        this.submit(change.raw);
        break;
      case 'invalidated':
        this.invalidate(change.hash);
        break;
      case 'reconsidered':
        this.reconsider(change.hash);
    }
  }

  /** Calls back after every change of the tip; the function returned ends that. */
  onTip(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls back with each transaction that enters the mempool; the function returned ends that. */
  onArrival(listener: (tx: Uint8Array) => void): () => void {
    this.hearers.add(listener);
    return () => this.hearers.delete(listener);
  }

  /** Calls back with the blocks of every change of the best branch; the function returned ends that. */
  onSwitch(listener: (change: Switch) => void): () => void {
    this.followers.add(listener);
    return () => this.followers.delete(listener);
  }

  private arrived(...transactions: readonly Uint8Array[]): void {
    for (const hear of [...this.hearers]) for (const tx of transactions) hear(tx);
  }

  /**
   * Accepts a transaction into the mempool. It is a success, too, where the mempool has it already, or the chain with an unspent output.
   * Returns the parsed transaction and the outcome. `most`: the sender's maximum fee, satoshi per 1,000 vbytes; 0: any. Throws ChainError
   * `rejected`.
   */
  send(raw: Uint8Array, most = 0n): { readonly tx: Transaction; readonly became: 'taken' | 'waiting' | 'mined' } {
    const tx = readTransaction(raw);
    const { context } = this;
    if (isKnown(tx, context)) return { tx, became: this.pool.get(hex(idOf(tx))) === undefined ? 'mined' : 'waiting' };
    const { entry, replaces } = accept(tx, context, most);
    this.pool.remove(replaces);
    this.pool.add(entry);
    this.did?.({ change: 'sent', raw });
    this.arrived(raw);
    return { tx, became: 'taken' };
  }

  /** Tests whether a transaction would be accepted. `most` as for `send`. Throws ChainError `rejected`. */
  check(raw: Uint8Array, most = 0n): void {
    const tx = readTransaction(raw);
    const { context } = this;
    if (!isKnown(tx, context)) accept(tx, context, most);
  }

  /**
   * Accepts a package of parent and child. A parent that would be rejected for its fee alone is evaluated together with the child. `most`
   * as for `send`, for each of them. Throws ChainError `rejected`.
   */
  sendPair(raw: Uint8Array, child: Uint8Array, most = 0n): void {
    try {
      this.send(raw, most);
    } catch (error) {
      if (!isFeeTooLow(error)) throw error;
      const { entries, replaces } = acceptPair([readTransaction(raw), readTransaction(child)], this.context, most);
      this.pool.remove(replaces);
      for (const entry of entries) this.pool.add(entry);
      this.did?.({ change: 'pair', raw, child });
      this.arrived(raw, child);
      return;
    }
    this.send(child, most);
  }

  /** Mines blocks that pay this script and returns their hashes. Throws ChainError `rejected` where `only` is invalid. */
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

  /** Transactions for the next block: those that pay enough together with their ancestors, while there is room. */
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

  /** Adds a block made elsewhere, and returns its hash. Throws ChainError `rejected`. */
  submit(raw: Uint8Array): string {
    return this.take(readBlock(raw));
  }

  private take(block: Block): string {
    this.blocksTaken++;
    const hash = block.getId();
    const change = this.ledger.add(block, hash);
    this.did?.({ change: 'block', raw: block.toBuffer() });
    this.after(change);
    return hash;
  }

  /** As bitcoind's invalidateblock: this block and its descendants count as invalid. */
  invalidate(hash: string): void {
    const change = this.ledger.invalidate(hash);
    this.did?.({ change: 'invalidated', hash });
    this.after(change);
  }

  /** As bitcoind's reconsiderblock. */
  reconsider(hash: string): void {
    const change = this.ledger.reconsider(hash);
    this.did?.({ change: 'reconsidered', hash });
    this.after(change);
  }

  /** Disconnects the last blocks; their transactions return to the mempool. */
  drop(blocks: number): void {
    const { tip } = this.ledger;
    const lowest = this.ledger.at(tip.height - blocks + 1);
    if (blocks > 0 && lowest !== undefined) this.invalidate(lowest.hash);
  }

  /** The confirmed and unspent coin at an outpoint. */
  coin({ txid, vout }: Outpoint): Coin | undefined {
    return this.ledger.coins.get(outpointKey(txid, vout));
  }

  /** An output of a mempool transaction, as if the next block had it. */
  waitingCoin({ txid, vout }: Outpoint): Coin | undefined {
    return this.pool.coin(outpointKey(txid, vout), this.ledger.next.height);
  }

  /** The mempool transaction that spends an outpoint. */
  spender({ txid, vout }: Outpoint): Entry | undefined {
    return this.pool.spender(outpointKey(txid, vout));
  }

  private after(change: Switch): void {
    const { left, came } = change;
    if (left.length > 0)
      this.refill([...left].reverse().flatMap(({ transactions }) => transactions.map(({ tx }) => tx)));
    else for (const { transactions } of came) this.clearOut(transactions.map(({ tx }) => tx));
    if (left.length === 0 && came.length === 0) return;
    for (const follow of [...this.followers]) follow(change);
    for (const listener of [...this.listeners]) listener();
  }

  /** Removes the transactions of a block from the mempool, and those that conflict with them. */
  private clearOut(transactions: readonly Transaction[]): void {
    this.pool.remove(transactions.map((tx) => hex(idOf(tx))));
    for (const tx of transactions)
      for (const key of spentKeys(tx)) {
        const loser = this.pool.spender(key);
        if (loser !== undefined) this.pool.remove(this.pool.descendants([loser.id]));
      }
  }

  /** After a reorg: returns transactions of disconnected blocks to the mempool, then its former entries, each if still valid. */
  private refill(lost: readonly Transaction[]): void {
    const waiting = this.pool.entries().map(({ tx }) => tx);
    this.pool.clear();
    for (const tx of [...lost, ...waiting]) {
      const entry = readmit(tx, this.context);
      if (entry !== undefined) this.pool.add(entry);
    }
  }
}

/** A new regtest chain with only its first block. Throws NoInterpreter where bitcore-lib is not installed. */
export const openRegtest = async (clock: Pick<Clock, 'now'>): Promise<Regtest> =>
  new Regtest(await loadScripts(), clock);
