/**
 * All blocks, the best branch, and the UTXO set at its tip. The longest branch without an invalid block is the best; of two with equal
 * length, the one seen first. Invariant: the UTXO set is that of a replay of the branch from its start.
 */

import type { Block as ParsedBlock } from 'bitcoinjs-lib';
import { hex, reversed } from '../../../wire/bytes.ts';
import { ChainError, rejectedError } from '../../chain/errors.ts';
import type { Block } from '../../ports/ports.ts';
import { checkBlock, checkHeight, genesis } from './block.ts';
import { apply, type Coin, type Coins, coinsMade, idOf, isCoinbase, undo } from './coins.ts';
import { checkSpending, coinsOf, subsidy } from './consensus.ts';
import type { Next } from './locks.ts';
import type { ScriptCheck } from './script.ts';

/** A block in the tree. */
export interface Placed extends Block {
  readonly raw: ParsedBlock;
  readonly medianTime: number;
}

/** A change of the best branch: disconnected blocks, the highest first, and connected ones, the lowest first. */
export interface Switch {
  readonly left: readonly Placed[];
  readonly came: readonly Placed[];
}

/** The coins that a block spent, by transaction, for `undo`. */
type Undo = readonly (readonly Coin[])[];

/** Blocks of the median time past. */
const medianSpan = 11;

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1] ?? 0;

export class Ledger {
  readonly coins: Coins = new Map();
  private readonly scripts: ScriptCheck;
  /** In order of arrival, so that a block always follows its parent. */
  private readonly known = new Map<string, Placed>();
  private readonly branch: Placed[] = [];
  /** The block of each transaction in the best branch. */
  private readonly blockOf = new Map<string, Placed>();
  private readonly undos = new Map<string, Undo>();
  private readonly invalid = new Set<string>();

  constructor(scripts: ScriptCheck) {
    this.scripts = scripts;
    const raw = genesis();
    this.branch.push(this.place(raw, raw.getId(), undefined));
  }

  get tip(): Placed {
    const tip = this.branch.at(-1);
    if (tip === undefined) throw new RangeError('a branch has at least its first block');
    return tip;
  }

  /** The block of the best branch at a height. */
  at(height: number): Placed | undefined {
    return height < 0 ? undefined : this.branch[height];
  }

  /** A block by hash, on the branch or not. Throws ChainError `unknown_block`. */
  get(hash: string): Placed {
    const found = this.known.get(hash);
    if (found === undefined) throw new ChainError({ code: 'unknown_block', hash });
    return found;
  }

  /** The block of the best branch that has this transaction, its id as 64 hex digits in internal order. */
  blockWith(id: string): Placed | undefined {
    return this.blockOf.get(id);
  }

  /** True where this block is on the best branch. */
  counts({ height, hash }: Placed): boolean {
    return this.branch[height]?.hash === hash;
  }

  /** Whether a known block or one of its ancestors is invalid, or was invalidated. */
  isRuledOut(hash: string): boolean {
    for (let at = this.known.get(hash); at !== undefined; at = this.known.get(at.previous))
      if (this.invalid.has(at.hash)) return true;
    return false;
  }

  /** The tips of all branches. */
  ends(): readonly Placed[] {
    const stoodOn = new Set([...this.known.values()].map(({ previous }) => previous));
    return [...this.known.values()].filter(({ hash }) => hash === this.tip.hash || !stoodOn.has(hash));
  }

  /** Height and median time past of the next block. */
  get next(): Next {
    return { height: this.tip.height + 1, medianTime: this.tip.medianTime };
  }

  readonly medianTimeAt = (height: number): number => this.branch[height]?.medianTime ?? 0;

  private place(raw: ParsedBlock, hash: string, below: Placed | undefined): Placed {
    const times = [raw.timestamp];
    for (let at = below; at !== undefined && times.length < medianSpan; at = this.known.get(at.previous))
      times.push(at.time);
    const placed: Placed = {
      hash,
      height: below === undefined ? 0 : below.height + 1,
      previous: hex(reversed(raw.prevHash ?? new Uint8Array(32))),
      time: raw.timestamp,
      medianTime: median(times),
      transactions: (raw.transactions ?? []).map((tx) => ({ txid: idOf(tx), tx })),
      raw,
    };
    this.known.set(placed.hash, placed);
    return placed;
  }

  /** A ledger that stands where this one does and goes its own way from there. */
  copy(): Ledger {
    const copy = new Ledger(this.scripts);
    for (const [key, coin] of this.coins) copy.coins.set(key, coin);
    for (const [hash, placed] of this.known) copy.known.set(hash, placed);
    for (const [id, placed] of this.blockOf) copy.blockOf.set(id, placed);
    for (const [hash, undo] of this.undos) copy.undos.set(hash, undo);
    for (const hash of this.invalid) copy.invalid.add(hash);
    copy.branch.splice(0, copy.branch.length, ...this.branch);
    return copy;
  }

  /**
   * Adds a block, and switches to its branch where that is now the longest. Throws ChainError `rejected` for an invalid block; its
   * transactions are checked only once its branch is switched to. Its header is the caller's to check: `readBlock` does.
   */
  add(raw: ParsedBlock, hash: string): Switch {
    if (this.known.has(hash)) throw rejectedError(this.invalid.has(hash) ? 'duplicate-invalid' : 'duplicate');
    checkBlock(raw);
    const below = this.known.get(hex(reversed(raw.prevHash ?? new Uint8Array(32))));
    if (below === undefined) throw rejectedError('prev-blk-not-found');
    if (raw.timestamp <= below.medianTime) throw rejectedError('time-too-old');
    checkHeight(raw, below.height + 1);
    const placed = this.place(raw, hash, below);
    if (below !== this.tip) return this.settle();
    // A block on the tip needs no reorg, and the caller gets the reason if it is invalid.
    this.connect(placed);
    return { left: [], came: [placed] };
  }

  /** Treats this block and its descendants as invalid. Throws ChainError `unknown_block`. */
  invalidate(hash: string): Switch {
    if (this.get(hash).height === 0) throw rejectedError('the first block cannot be invalid');
    this.invalid.add(hash);
    return this.settle();
  }

  /** Undoes `invalidate` for this block, its ancestors and its descendants. Throws ChainError `unknown_block`. */
  reconsider(hash: string): Switch {
    const below = new Set<string>();
    for (let at: Placed | undefined = this.get(hash); at !== undefined; at = this.known.get(at.previous))
      below.add(at.hash);
    for (const id of [...this.invalid]) if (below.has(id) || this.standsOn(id, hash)) this.invalid.delete(id);
    return this.settle();
  }

  private standsOn(upper: string, lower: string): boolean {
    for (let at = this.known.get(upper); at !== undefined; at = this.known.get(at.previous))
      if (at.hash === lower) return true;
    return false;
  }

  /** The tip of the longest branch that is not known to be invalid. */
  private best(): Placed {
    const good = new Set<string>();
    let best: Placed | undefined;
    const better = (one: Placed): boolean =>
      best === undefined || one.height > best.height || (one.height === best.height && one === this.tip);
    for (const placed of this.known.values()) {
      if (this.invalid.has(placed.hash) || (placed.height > 0 && !good.has(placed.previous))) continue;
      good.add(placed.hash);
      if (better(placed)) best = placed;
    }
    return best ?? this.tip;
  }

  /** Switches to the best branch; a block that proves invalid is marked, and the next best branch is tried. */
  private settle(): Switch {
    const before = [...this.branch];
    for (;;) {
      const path: Placed[] = [];
      let at = this.best();
      for (; !this.counts(at); at = this.get(at.previous)) path.unshift(at);
      while (this.tip !== at) this.disconnect();
      if (path.every((placed) => this.tryConnect(placed))) break;
    }
    let shared = 0;
    while (shared < before.length && before[shared] === this.branch[shared]) shared++;
    return { left: before.slice(shared).reverse(), came: this.branch.slice(shared) };
  }

  private tryConnect(placed: Placed): boolean {
    try {
      this.connect(placed);
      return true;
    } catch {
      return false;
    }
  }

  /** Connects a block to the tip. Throws ChainError `rejected`; then the UTXO set is unchanged and the block is marked invalid. */
  private connect(placed: Placed): void {
    const done: (readonly Coin[])[] = [];
    const { height, transactions } = placed;
    try {
      let fees = 0n;
      for (const { tx } of transactions) {
        if (coinsMade(tx, height).some(([key]) => this.coins.has(key))) throw rejectedError('bad-txns-BIP30');
        const spent = coinsOf(tx, (key) => this.coins.get(key));
        fees += checkSpending(tx, spent, this.next, this.medianTimeAt);
        const complaint = isCoinbase(tx) ? undefined : this.scripts(tx, spent, 'consensus');
        if (complaint !== undefined) throw rejectedError(complaint);
        done.push(apply(this.coins, tx, height));
      }
      const paid = (transactions[0]?.tx.outs ?? []).reduce((sum, { value }) => sum + value, 0n);
      if (paid > subsidy(height) + fees) throw rejectedError('bad-cb-amount');
    } catch (error) {
      this.takeBack(placed, done);
      this.invalid.add(placed.hash);
      throw error;
    }
    this.undos.set(placed.hash, done);
    this.branch.push(placed);
    for (const one of transactions) this.blockOf.set(hex(one.txid), placed);
  }

  private disconnect(): void {
    const placed = this.branch.pop();
    if (placed === undefined) return;
    this.takeBack(placed, this.undos.get(placed.hash) ?? []);
    for (const one of placed.transactions) this.blockOf.delete(hex(one.txid));
    this.undos.delete(placed.hash);
  }

  private takeBack({ transactions, height }: Placed, done: Undo): void {
    for (let i = done.length - 1; i >= 0; i--) {
      const tx = transactions[i]?.tx;
      if (tx !== undefined) undo(this.coins, tx, height, done[i] ?? []);
    }
  }
}
