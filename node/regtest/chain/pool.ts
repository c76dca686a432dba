/**
 * The mempool, with ancestors and descendants. It stores what it is given: accept.ts checks what may enter. Invariant: parents come before
 * children, and no two entries spend the same output.
 */
import type { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../../wire/bytes.ts';
import { type Coin, coinsMade, spentKeys } from './coins.ts';

export interface Entry {
  /** The txid as hashed, in hex. */
  readonly id: string;
  readonly tx: Transaction;
  readonly fee: bigint;
  readonly vsize: number;
}

/** Ancestors and descendants of an entry. */
interface Place {
  readonly entry: Entry;
  readonly parents: ReadonlySet<string>;
  readonly children: Set<string>;
}

export class Pool {
  private readonly places = new Map<string, Place>();
  private readonly spentBy = new Map<string, string>();
  private readonly made = new Map<string, Coin>();

  /** Parents before children. */
  entries(): readonly Entry[] {
    return [...this.places.values()].map(({ entry }) => entry);
  }

  get(id: string): Entry | undefined {
    return this.places.get(id)?.entry;
  }

  /** The entry that spends an outpoint. */
  spender(key: string): Entry | undefined {
    const id = this.spentBy.get(key);
    return id === undefined ? undefined : this.get(id);
  }

  /** The output of an entry, spent or not, as a coin of the next block. */
  coin(key: string, height: number): Coin | undefined {
    const coin = this.made.get(key);
    return coin && { ...coin, height };
  }

  /** Entries whose outputs a transaction spends. */
  parentsOf(tx: Transaction): readonly string[] {
    const ids = tx.ins.map(({ hash }) => hex(hash)).filter((id) => this.places.has(id));
    return [...new Set(ids)];
  }

  private reach(from: readonly string[], next: (place: Place) => Iterable<string>): ReadonlySet<string> {
    const found = new Set(from);
    for (const id of found) {
      const place = this.places.get(id);
      if (place !== undefined) for (const other of next(place)) found.add(other);
    }
    return found;
  }

  /** These entries and their ancestors. */
  ancestors(of: readonly string[]): ReadonlySet<string> {
    return this.reach(of, ({ parents }) => parents);
  }

  /** These entries and their descendants. */
  descendants(of: readonly string[]): ReadonlySet<string> {
    return this.reach(of, ({ children }) => children);
  }

  /** Feerate of an entry with its descendants, satoshi per 1,000 weight; undefined where there is no such entry. */
  familyFeerate(id: string): number | undefined {
    if (!this.places.has(id)) return undefined;
    const family = [...this.descendants([id])].flatMap((one) => this.get(one) ?? []);
    const fee = family.reduce((sum, one) => sum + one.fee, 0n);
    const vsize = family.reduce((sum, one) => sum + one.vsize, 0);
    return Number((fee * 1000n) / BigInt(vsize * 4));
  }

  /** Adds an entry. No other entry may spend its inputs, and its parents must have been added before. */
  add(entry: Entry): void {
    const { id, tx } = entry;
    const parents = new Set(this.parentsOf(tx));
    this.places.set(id, { entry, parents, children: new Set() });
    for (const parent of parents) this.places.get(parent)?.children.add(id);
    for (const key of spentKeys(tx)) this.spentBy.set(key, id);
    for (const [key, coin] of coinsMade(tx, 0)) this.made.set(key, coin);
  }

  /** Removes entries. Their descendants stay, since the entries may be in a block now; use `descendants` to remove those, too. */
  remove(ids: Iterable<string>): void {
    for (const id of ids) {
      const place = this.places.get(id);
      if (place === undefined) continue;
      this.places.delete(id);
      for (const parent of place.parents) this.places.get(parent)?.children.delete(id);
      for (const child of place.children) this.orphan(child, id);
      for (const key of spentKeys(place.entry.tx)) if (this.spentBy.get(key) === id) this.spentBy.delete(key);
      for (const [key] of coinsMade(place.entry.tx, 0)) this.made.delete(key);
    }
  }

  private orphan(child: string, parent: string): void {
    const place = this.places.get(child);
    if (place === undefined) return;
    const parents = new Set(place.parents);
    parents.delete(parent);
    // Setting an existing key keeps its position in the map.
    this.places.set(child, { ...place, parents });
  }

  clear(): void {
    this.places.clear();
    this.spentBy.clear();
    this.made.clear();
  }
}
