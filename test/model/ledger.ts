/**
 * The chain that all nodes of a model share: the embedded chain's own rules for what may wait and what may be mined, over
 * blocks without proof of work, so that a run can mine hundreds of them. A copy costs nothing, so every run has its own.
 */

import { Transaction } from 'bitcoinjs-lib';
import { ChainError, isFeeTooLow, rejectedError } from '../../node/chain/errors.ts';
import type { Block } from '../../node/ports/ports.ts';
import { type AcceptContext, accept, acceptPair, isKnown, readmit } from '../../node/regtest/chain/accept.ts';
import { apply, type Coin, type Coins, spentKeys, undo } from '../../node/regtest/chain/coins.ts';
import { type Entry, Pool } from '../../node/regtest/chain/pool.ts';
import type { ScriptCheck } from '../../node/regtest/chain/script.ts';
import { hex, u32be, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { type Sat, txid } from '../../wire/units.ts';

/** An output that exists from the first block on. */
export interface Grant {
  readonly script: Uint8Array;
  readonly amount: Sat;
}

interface Mined extends Block {
  /** What each transaction spent, to take it back. */
  readonly spent: readonly (readonly Coin[])[];
}

export interface MineOptions {
  /** Leaves everything that waits where it is. */
  readonly empty?: boolean;
  /** Mines transactions that lost to a rival in the pool instead of the rival, where they still can be. */
  readonly rivals?: boolean;
}

/** Transactions remembered that lost to others. */
const MOST_RIVALS = 32;
/** Seconds between blocks, as miners write them. */
const SPACING = 600;

/** Nobody's money: blocks here reward no one, but those who read them take the first transaction for a coinbase. */
const coinbase = (height: number, salt: number): Transaction => {
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, u32be(height));
  tx.addOutput(Uint8Array.of(0x6a, 4, ...u32be(salt)), 0n);
  return tx;
};

const grantTx = (grants: readonly Grant[]): Transaction => {
  const tx = new Transaction();
  tx.version = 2;
  tx.addInput(sha256(utf8('before the beginning')), 0);
  for (const { script, amount } of grants) tx.addOutput(script, amount);
  return tx;
};

export class Ledger {
  readonly pool = new Pool();
  readonly coins: Coins;
  /** Satoshi per 1,000 weight below which miners leave a transaction, with all it hangs on, where it is. */
  demand = 0;
  /** Satoshi per 1,000 weight below which the pool takes nothing that no child pays for; 0 while there is room. */
  minimum = 0;
  /** What nobody relays or mines, whatever it pays. */
  refuses: (tx: Transaction) => boolean = () => false;
  private readonly scripts: ScriptCheck;
  private readonly branch: Mined[];
  private readonly known: Map<string, Mined>;
  private readonly rivals = new Map<string, Transaction>();
  private listeners = new Set<() => void>();
  private made: number;

  private constructor(scripts: ScriptCheck, coins: Coins, branch: readonly Mined[], made: number) {
    this.scripts = scripts;
    this.coins = coins;
    this.branch = [...branch];
    this.known = new Map(branch.map((block) => [block.hash, block]));
    this.made = made;
  }

  /** A chain whose block 1 holds these outputs. */
  static begin(scripts: ScriptCheck, grants: readonly Grant[]): Ledger {
    const ledger = new Ledger(scripts, new Map(), [], 0);
    const tx = grantTx(grants);
    for (const [vout, { script, amount }] of grants.entries())
      ledger.coins.set(`${hex(tx.getHash())}:${vout}`, { script, value: amount, height: 1, coinbase: false });
    ledger.place([], []);
    ledger.place([tx], [[]]);
    return ledger;
  }

  /** The same chain, to go on by itself. Nothing may wait in the pool. */
  copy(): Ledger {
    return new Ledger(this.scripts, new Map(this.coins), this.branch, this.made);
  }

  get tip(): Block {
    const tip = this.branch.at(-1);
    if (tip === undefined) throw new RangeError('a chain has at least its first block');
    return tip;
  }

  at(height: number): Block | undefined {
    return this.branch[height];
  }

  /** A block by hash, in the branch or not. Throws ChainError `unknown_block`. */
  get(hash: string): Block {
    const block = this.known.get(hash);
    if (block === undefined) throw new ChainError({ code: 'unknown_block', hash });
    return block;
  }

  /** Calls back after every change of the tip; the function returned ends that. */
  onTip(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private get context(): AcceptContext {
    const timeAt = (height: number): number => this.branch[height]?.time ?? 0;
    const { height, time } = this.tip;
    const next = { height: height + 1, medianTime: time };
    const { coins, pool, scripts, minimum } = this;
    return { coins, pool, next, medianTimeAt: timeAt, scripts, minimum };
  }

  /** Takes a transaction from a node. Throws ChainError `rejected`. */
  send(raw: Uint8Array): void {
    const tx = Transaction.fromBuffer(raw);
    if (isKnown(tx, this.context)) return;
    if (this.refuses(tx)) throw rejectedError('mempool min fee not met');
    this.enter(tx, () => {
      const { entry, replaces } = accept(tx, this.context);
      return { entries: [entry], replaces };
    });
  }

  /** Whether a transaction would be taken. Throws ChainError `rejected`. */
  check(raw: Uint8Array): void {
    const tx = Transaction.fromBuffer(raw);
    if (!isKnown(tx, this.context)) accept(tx, this.context);
  }

  /** Takes a transaction and one that hangs on it and may pay for both. Throws ChainError `rejected`. */
  sendPair(raw: Uint8Array, child: Uint8Array): void {
    try {
      this.send(raw);
    } catch (error) {
      if (!isFeeTooLow(error)) throw error;
      const pair = [Transaction.fromBuffer(raw), Transaction.fromBuffer(child)] as const;
      this.enter(pair[0], () => acceptPair(pair, this.context));
      return;
    }
    this.send(child);
  }

  private enter(tx: Transaction, judge: () => { entries: readonly Entry[]; replaces: ReadonlySet<string> }): void {
    const { pool } = this;
    try {
      const { entries, replaces } = judge();
      for (const id of replaces) this.lost(pool.get(id)?.tx);
      pool.remove(replaces);
      for (const entry of entries) pool.add(entry);
    } catch (error) {
      if (spentKeys(tx).some((key) => pool.spender(key) !== undefined)) this.lost(tx);
      throw error;
    }
  }

  private lost(tx: Transaction | undefined): void {
    if (tx === undefined) return;
    this.rivals.set(hex(tx.getHash()), tx);
    if (this.rivals.size <= MOST_RIVALS) return;
    for (const oldest of this.rivals.keys()) {
      this.rivals.delete(oldest);
      return;
    }
  }

  /** Mines one block of what waits. */
  mine({ empty = false, rivals = false }: MineOptions = {}): Block {
    if (rivals) for (const tx of [...this.rivals.values()]) this.prefer(tx);
    const entries = empty ? [] : this.chosen();
    const height = this.tip.height + 1;
    const spent = entries.map(({ tx }) => apply(this.coins, tx, height));
    this.pool.remove(entries.map(({ id }) => id));
    const block = this.place(
      entries.map(({ tx }) => tx),
      spent,
    );
    this.told();
    return block;
  }

  /** What pays enough, together with what it hangs on. */
  private chosen(): readonly Entry[] {
    const { pool, demand } = this;
    const taken = new Set<string>();
    for (const { id, tx } of pool.entries()) {
      if (this.refuses(tx)) continue;
      const family = [...pool.ancestors([id])].filter((one) => !taken.has(one));
      const members = family.flatMap((one) => pool.get(one) ?? []);
      const fee = members.reduce((sum, one) => sum + one.fee, 0n);
      const weight = members.reduce((sum, one) => sum + one.tx.weight(), 0);
      if (fee * 1000n >= BigInt(demand) * BigInt(weight)) for (const one of family) taken.add(one);
    }
    return pool.entries().filter(({ id }) => taken.has(id));
  }

  /** Puts a transaction in the place of those in the pool that spend the same. */
  private prefer(tx: Transaction): void {
    const { pool } = this;
    const rivals = spentKeys(tx).flatMap((key) => pool.spender(key)?.id ?? []);
    const gone = [...pool.descendants(rivals)].flatMap((id) => pool.get(id) ?? []);
    pool.remove(gone.map(({ id }) => id));
    const entry = readmit(tx, this.context);
    if (entry === undefined) {
      for (const one of gone) pool.add(one);
      return;
    }
    pool.add(entry);
    this.rivals.delete(entry.id);
    for (const one of gone) this.lost(one.tx);
  }

  /** Forgets what waits of a kind, and what hangs on it, as if a rival had come and gone. */
  forget(isMeant: (tx: Transaction) => boolean): void {
    const { pool } = this;
    const ids = pool.entries().flatMap(({ id, tx }) => (isMeant(tx) ? [id] : []));
    pool.remove([...pool.descendants(ids)]);
  }

  /** Takes the last blocks off; what was in them waits again, if it still can and is not forgotten. */
  drop(count: number, forgotten = false): void {
    const lost: Transaction[] = [];
    for (let i = 0; i < count && this.branch.length > 1; i++) {
      const block = this.branch.pop();
      if (block === undefined) break;
      const transactions = block.transactions.map(({ tx }) => tx);
      for (let at = transactions.length - 1; at >= 0; at--) {
        const tx = transactions[at];
        if (tx !== undefined) undo(this.coins, tx, block.height, block.spent[at] ?? []);
      }
      lost.unshift(...transactions.slice(1));
    }
    this.refill(forgotten ? [] : lost);
    this.told();
  }

  private refill(lost: readonly Transaction[]): void {
    const waiting = this.pool.entries().map(({ tx }) => tx);
    this.pool.clear();
    for (const tx of [...lost, ...waiting]) {
      const entry = readmit(tx, this.context);
      if (entry !== undefined) this.pool.add(entry);
    }
  }

  private place(transactions: readonly Transaction[], spent: Mined['spent']): Mined {
    const below = this.branch.at(-1);
    const height = below === undefined ? 0 : below.height + 1;
    const all = [coinbase(height, this.made), ...transactions];
    const block: Mined = {
      height,
      hash: hex(sha256(utf8('block'), u32be(height), u32be(this.made++))),
      previous: below?.hash ?? '00'.repeat(32),
      time: (below?.time ?? 1_700_000_000) + SPACING,
      transactions: all.map((tx) => ({ txid: txid(tx.getHash()), tx })),
      spent: [[], ...spent],
    };
    this.branch.push(block);
    this.known.set(block.hash, block);
    return block;
  }

  private told(): void {
    for (const listener of [...this.listeners]) listener();
  }

  /** The transactions of blocks above a height, the coins they spent, and what each left to miners, in satoshi. */
  *minedSince(height: number): Generator<{
    readonly tx: Transaction;
    readonly spent: readonly Coin[];
    readonly fee: bigint;
  }> {
    for (const { transactions, spent } of this.branch.slice(height + 1))
      for (const [i, { tx }] of transactions.entries()) {
        if (i === 0) continue;
        const coins = spent[i] ?? [];
        const given = coins.reduce((sum, { value }) => sum + value, 0n);
        yield { tx, spent: coins, fee: tx.outs.reduce((left, { value }) => left - value, given) };
      }
  }

  /** The waiting transaction that spends an outpoint. */
  spender(key: string): Entry | undefined {
    return this.pool.spender(key);
  }
}
