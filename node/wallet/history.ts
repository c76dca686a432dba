/**
 * The wallet's history: every mined transaction that paid it or spent of its coins, in the order of the chain. A record is written in
 * the commit that applies its block; a reorganization takes back those of its blocks. The latest are kept, so that whoever pays the
 * wallet ever so often does not fill the disk.
 */
import { Transaction } from 'bitcoinjs-lib';
import { hex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, encode, list, rest, struct, u32, u64 } from '../../wire/codec.ts';
import { rememberedBlocks } from '../chain/followrules.ts';
import type { Block, Store } from '../ports/ports.ts';
import { numberIn, numberText } from '../store/numbered.ts';
import { readRecord } from '../store/records.ts';
import type { WalletState } from './coins.ts';

/** A transaction of the wallet by its number, in the order of the chain. */
const RECORDS = 'wallet/tx/';
/** The numbers that a block's transactions have, by its height: of those blocks that a reorganization may take back. */
const BY_HEIGHT = 'wallet/txat/';
/** Transactions that are kept, the latest. */
const MOST = 100_000n;

/** A mined transaction and its place: the height of its block, and its place among the transactions there, from 0. */
export interface MinedTx {
  readonly height: number;
  readonly position: number;
  readonly tx: Transaction;
}

const record = struct({ height: u32, position: u32, raw: rest });
const numbers = list(u32, u64);

const write = ({ height, position, tx }: MinedTx): Uint8Array =>
  encode(record, { height, position, raw: new Uint8Array(tx.toBuffer()) });
const read = (value: Uint8Array): MinedTx => {
  const { height, position, raw } = decode(record, value);
  return { height, position, tx: Transaction.fromBuffer(raw) };
};
const heightKey = (height: number): string => BY_HEIGHT + numberText(BigInt(height));
const gone = (key: string): Change => ({ key, value: undefined });

/** The transactions of a block that paid the wallet or spent its coins, by the wallet as it is after the block. */
export const walletTxsOf = (
  { height, transactions }: Block,
  { coins }: Pick<WalletState, 'coins'>,
): readonly MinedTx[] => {
  const ours = new Set<string>();
  for (const coin of coins.values()) {
    if (coin.height === height) ours.add(hex(coin.txid));
    if (coin.spent?.height === height) ours.add(hex(coin.spent.txid));
  }
  if (ours.size === 0) return [];
  return transactions.flatMap(({ txid, tx }, position) => (ours.has(hex(txid)) ? [{ height, position, tx }] : []));
};

export class WalletHistory {
  private readonly store: Store;
  private readonly most: bigint;
  private last = 0n;
  private readonly byHeight = new Map<number, readonly bigint[]>();

  private constructor(store: Store, most: bigint) {
    this.store = store;
    this.most = most;
  }

  /** Reads which transactions a reorganization may take back. `most`: how many are kept. Throws StoreError. */
  static async load(store: Store, most = MOST): Promise<WalletHistory> {
    const history = new WalletHistory(store, most);
    const last = await store.last(RECORDS);
    if (last !== undefined) history.last = numberIn(last);
    for await (const [key, value] of store.entries(BY_HEIGHT))
      history.byHeight.set(
        Number(numberIn(key)),
        readRecord(key, value, (bytes) => decode(numbers, bytes)),
      );
    return history;
  }

  private added(txs: readonly MinedTx[]): Change[] {
    const changes: Change[] = [];
    const touched = new Set<number>();
    for (const one of txs) {
      this.last += 1n;
      changes.push({ key: RECORDS + numberText(this.last), value: write(one) });
      if (this.last > this.most) changes.push(gone(RECORDS + numberText(this.last - this.most)));
      this.byHeight.set(one.height, [...(this.byHeight.get(one.height) ?? []), this.last]);
      touched.add(one.height);
    }
    for (const height of touched)
      changes.push({ key: heightKey(height), value: encode(numbers, this.byHeight.get(height) ?? []) });
    return changes;
  }

  /** A block was applied, which has these. */
  connected(height: number, txs: readonly MinedTx[]): readonly Change[] {
    const changes = this.added(txs);
    const old = height - rememberedBlocks;
    if (this.byHeight.delete(old)) changes.push(gone(heightKey(old)));
    return changes;
  }

  /** A reorganization took the block of this height back; `dropAbove` has to follow, for one that is no longer remembered. */
  disconnected(height: number): readonly Change[] {
    const taken = this.byHeight.get(height);
    if (taken === undefined) return [];
    this.byHeight.delete(height);
    this.last -= BigInt(taken.length);
    return [...taken.map((n) => gone(RECORDS + numberText(n))), gone(heightKey(height))];
  }

  /**
   * Deletes what the blocks above this height had. A reorganization that goes further back than blocks are remembered leaves that, and
   * it is the last in the list. Throws StoreError.
   */
  async dropAbove(height: number): Promise<void> {
    for (;;) {
      const { last } = this;
      const key = RECORDS + numberText(last);
      const value = await this.store.get(key);
      // A rescan may have replaced all of them meanwhile.
      if (this.last !== last) continue;
      if (value === undefined || readRecord(key, value, (bytes) => decode(record, bytes)).height <= height) return;
      this.last -= 1n;
      await this.store.commit([gone(key)]);
    }
  }

  /** Gathers what the chain has while it is read again from its first block on; `end` says what to keep instead of what was known. */
  replay(): { add(txs: readonly MinedTx[]): void; end(top: number): Promise<readonly Change[]> } {
    const most = Number(this.most);
    let found: MinedTx[] = [];
    return {
      add: (txs) => {
        found.push(...txs);
        if (found.length > 2 * most) found = found.slice(-most);
      },
      end: (top) => this.replaced(top, found.slice(-most)),
    };
  }

  private async replaced(top: number, txs: readonly MinedTx[]): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for await (const [key] of this.store.entries(RECORDS)) changes.push(gone(key));
    for (const height of this.byHeight.keys()) changes.push(gone(heightKey(height)));
    this.byHeight.clear();
    // Above all that were there: a number means one transaction at a time.
    changes.push(...this.added(txs));
    for (const height of [...this.byHeight.keys()])
      if (height <= top - rememberedBlocks) {
        this.byHeight.delete(height);
        changes.push(gone(heightKey(height)));
      }
    return changes;
  }

  /** All that are kept, in the order of the chain. Throws StoreError. */
  async *list(): AsyncGenerator<MinedTx> {
    for await (const [key, value] of this.store.entries(RECORDS)) yield readRecord(key, value, read);
  }
}
