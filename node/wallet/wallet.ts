/**
 * The node's on-chain wallet. Every method changes the state in memory first, by a pure function of coins.ts, and then waits until the
 * change is durable, so that two callers never get the same coin. The wallet follows the chain as one of its listeners.
 */

import type { Transaction } from 'bitcoinjs-lib';
import { equal, hex, unhex } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { type Sat, sat, type Txid, txid } from '../../wire/units.ts';
import type { ChainListener } from '../chain/follower.ts';
import type { Network } from '../ports/network.ts';
import type { Block, ChainEvent, ChainTx, Store } from '../ports/ports.ts';
import { addressOfScript } from './address.ts';
import { buildSigned, keyWitness, signInput } from './build.ts';
import * as coins from './coins.ts';
import { WalletError } from './errors.ts';
import { planTakeBack } from './giveup.ts';
import { type MinedTx, WalletHistory, walletTxsOf } from './history.ts';
import { addressBook, type KeyPath, type NodeKeys, type ScriptIndex } from './keys.ts';
import { loadWallet, walletChanges } from './persist.ts';
import { chooseCoins, type Plan, type Want } from './plans.ts';
import { dustOf, roundedUpFee, weightOf } from './select.ts';
import { claimOwner, type Fund, fundsOf, spendable, sumOf } from './view.ts';

export interface WalletParts {
  readonly store: Store;
  readonly keys: NodeKeys;
  readonly network: Network;
}

/** Coins below this many sat cost a claim that pays 20 sat/vbyte more than they add. */
const WORTHLESS = roundedUpFee(weightOf.input, 5_000);
/** Reservations for owners of this kind end with the process that made them. */
const passing = 'send/';

export class Wallet implements ChainListener {
  private readonly parts: WalletParts;
  private readonly book: ScriptIndex;
  private readonly history: WalletHistory;
  private state: coins.WalletState;
  private passed = 0;
  private spare: Promise<{ readonly script: Uint8Array }> | undefined;

  private constructor(parts: WalletParts, book: ScriptIndex, state: coins.WalletState, history: WalletHistory) {
    this.parts = parts;
    this.book = book;
    this.history = history;
    this.state = state;
  }

  /** Reads the wallet from the store, and releases coins reserved for a payment that a crash interrupted. Throws StoreError. */
  static async open(parts: WalletParts): Promise<Wallet> {
    const book = addressBook(parts.keys);
    const { store } = parts;
    const [state, history] = [await loadWallet(store, book), await WalletHistory.load(store)];
    await history.dropAbove(state.height);
    const wallet = new Wallet(parts, book, state, history);
    // Earlier versions did not note what is absent.
    await wallet.save(coins.noteAbsent(state));
    for (const owner of wallet.owners()) if (owner.startsWith(passing)) await wallet.release(owner);
    return wallet;
  }

  apply(event: ChainEvent): readonly Change[] {
    const { coins: before } = this.state;
    const changes = this.step(coins.walletEvent(this.state, event, this.book));
    if (event.event === 'disconnected') return [...changes, ...this.history.disconnected(event.height)];
    const found = before === this.state.coins ? [] : walletTxsOf(event.block, this.state);
    return [...changes, ...this.history.connected(event.block.height, found)];
  }

  async applied(event: ChainEvent): Promise<void> {
    if (event.event === 'disconnected') await this.history.dropAbove(this.state.height);
  }

  /** Mined transactions that paid the wallet or spent its coins, in the order of the chain. Throws StoreError. */
  transactions(): AsyncIterable<MinedTx> {
    return this.history.list();
  }

  /** Every output of the wallet, spent ones included. */
  funds(): readonly Fund[] {
    return fundsOf(this.state);
  }

  /** The sum that could be spent now, before fees: confirmed coins and our own change that are not reserved. */
  spendable(minDepth = 0): Sat {
    return sumOf(spendable(this.state, minDepth));
  }

  /**
   * The sum that could pay for claims on chain: coins that are not reserved, or reserved for claims. Our own change counts, since claims
   * may spend it; coins that would not pay for their own input do not.
   */
  forClaims(): Sat {
    const open = ({ reserved }: Fund): boolean => reserved === undefined || reserved.startsWith(claimOwner);
    return sumOf(
      this.funds().filter((fund) => /^(un)?confirmed$/.test(fund.status) && open(fund) && fund.amount > WORTHLESS),
    );
  }

  /** A new output of the wallet: its script and address. */
  describe(path: KeyPath): { readonly script: Uint8Array; readonly address: string } {
    const script = this.book.scriptOf(path);
    return { script, address: addressOfScript(script, this.parts.network) ?? '' };
  }

  /** A new address. Its index is durable before it is returned, so that coins sent to it are always found. */
  async newAddress(): Promise<{ readonly script: Uint8Array; readonly address: string }> {
    return this.describe(await this.nextGiven());
  }

  /**
   * A script for an output that will most likely never be made, such as for a channel that a stranger asks to open: everybody gets the
   * same one until `taken` says that it may be paid to. So requests alone use up no addresses, and a wallet restored from its seed, which
   * stops looking after a gap of unused addresses, finds all coins.
   */
  async spareScript(): Promise<Uint8Array> {
    this.spare ??= this.newAddress();
    return (await this.spare).script;
  }

  /** That script is in use from now on: the next caller gets another. */
  async taken(script: Uint8Array): Promise<void> {
    const spare = await this.spare;
    if (spare !== undefined && equal(spare.script, script)) this.spare = undefined;
  }

  /**
   * Selects coins for a payment and reserves them for `owner`, until they are spent or released; reservations survive a restart.
   * Throws WalletError `insufficient_funds`, `reserved_for_claims`, `bad_feerate`, `already_reserved`.
   */
  async reserve(owner: string, want: Want): Promise<Plan> {
    if (this.owners().includes(owner)) throw new WalletError({ code: 'already_reserved', owner });
    const { amount, feerate, scriptLength, minDepth = 0, leave } = want;
    const spending = { amount, feerate, outputWeight: weightOf.output(scriptLength), leave };
    const chosen = chooseCoins(this.state, spending, minDepth);
    const left = this.forClaims() - sumOf(chosen.coins) + (chosen.change ?? 0n);
    if (leave !== undefined && left < leave)
      throw new WalletError({ code: 'reserved_for_claims', left: sat(left), kept: leave });
    const keys = chosen.coins.map((coin) => coin.key);
    const [given, next] = this.state.next;
    const path: KeyPath = { branch: 1, index: next };
    const change = chosen.change && { path, script: this.book.scriptOf(path), amount: chosen.change };
    const promised = coins.reserve(this.state, owner, keys);
    await this.save(change === undefined ? promised : { ...promised, next: [given, next + 1] });
    return { owner, inputs: chosen.coins, amount: chosen.amount, fee: chosen.fee, change };
  }

  /**
   * Coins that may pay the fee of an owner's transaction: those reserved for it, and of those that are not reserved the confirmed ones
   * (`free`) and our own unconfirmed change (`waiting`), for use where nothing else is left.
   */
  feeCoins(owner: string): Record<'kept' | 'free' | 'waiting', readonly Fund[]> {
    const funds = this.funds();
    const open = (wanted: Fund['status']) =>
      funds.filter(({ status, reserved }) => status === wanted && reserved === undefined);
    return {
      kept: funds.filter(({ status, reserved }) => reserved === owner && /^(un)?confirmed$/.test(status)),
      free: open('confirmed'),
      waiting: open('unconfirmed'),
    };
  }

  /**
   * Reserves these coins for `owner` beside those it has, until they are released or spent; reservations survive a restart. Throws
   * WalletError `already_reserved` where one is reserved for another owner.
   */
  async promise(owner: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const other = this.state.reserved.get(key);
      if (other !== undefined && other !== owner) throw new WalletError({ code: 'already_reserved', owner: other });
    }
    const open = keys.filter((key) => !this.state.reserved.has(key));
    if (open.length > 0) await this.save(coins.reserve(this.state, owner, open));
  }

  /** Whether none of these is reserved for another owner. */
  isOpenTo(owner: string, keys: readonly string[]): boolean {
    return keys.every((key) => (this.state.reserved.get(key) ?? owner) === owner);
  }

  /** Signs the inputs of a transaction that spend coins of the wallet; all inputs and outputs must have been added before. */
  signCoins(tx: Transaction, inputs: readonly { readonly index: number; readonly coin: Fund }[]): void {
    for (const { index, coin } of inputs) signInput(tx, index, coin, this.parts.keys);
  }

  /** Whether the wallet can spend outputs with this script. */
  owns(script: Uint8Array): boolean {
    return this.book.pathOf(script) !== undefined;
  }

  /** The witness that spends an output with this script. `digest` is BIP 143's with SIGHASH_ALL. Throws RangeError. */
  witness(script: Uint8Array, digest: Uint8Array): readonly Uint8Array[] {
    const path = this.book.pathOf(script);
    if (path === undefined) throw new RangeError('the wallet has no key for this output');
    return keyWitness(digest, path, this.parts.keys);
  }

  /**
   * The signed transaction of a plan, paying to `script`. It is neither saved nor broadcast: see `sending`. Throws WalletError
   * `dust`.
   */
  sign(plan: Plan, script: Uint8Array): ChainTx {
    const minimum = dustOf(script);
    if (plan.amount < minimum) throw new WalletError({ code: 'dust', amount: plan.amount, minimum });
    const outputs = [{ script, amount: plan.amount }, ...(plan.change === undefined ? [] : [plan.change])];
    return buildSigned(plan.inputs, outputs, this.parts.keys);
  }

  /** To be called before a transaction of the wallet is broadcast: from now on its inputs are spent and its change is ours. */
  async sending({ tx }: ChainTx): Promise<void> {
    await this.save(coins.withSent(this.state, coins.sentOf(tx, this.book)));
  }

  /** Undoes `sending`, for a transaction that bitcoind rejected. */
  async forget(id: Txid): Promise<void> {
    await this.save(coins.withoutSent(this.state, id));
  }

  /**
   * A transaction, to be broadcast, that spends the inputs of another one of ours back to the wallet. The other is given up from now on,
   * unless `forget` undoes that. Throws WalletError `cannot_give_up`, `insufficient_funds`.
   */
  async giveUp(id: Txid, feerate: number): Promise<ChainTx & { readonly fee: Sat }> {
    const path: KeyPath = { branch: 1, index: this.state.next[1] };
    const script = this.book.scriptOf(path);
    const { inputs, amount, fee } = planTakeBack(this.state, id, feerate, script);
    const made = buildSigned(inputs, [{ script, amount }], this.parts.keys);
    await this.save(coins.giveUp(this.state, id, coins.sentOf(made.tx, this.book)));
    return { ...made, fee };
  }

  /** The transaction that double-spends one of ours that was given up; undefined for any other. */
  takenBackBy(id: Txid): Txid | undefined {
    const by = this.state.givenUp.get(hex(id));
    return by === undefined ? undefined : txid(unhex(by));
  }

  /** This transaction is in use, even if it was given up before: it is broadcast again, and not the one that double-spends it. */
  async stands(id: Txid): Promise<void> {
    const by = this.takenBackBy(id);
    if (by !== undefined) await this.forget(by);
  }

  /** Whether this transaction of ours is confirmed. */
  isMined(id: Txid): boolean {
    const ours = this.state.sent.get(hex(id));
    return ours !== undefined && coins.heightOf(this.state, ours) !== undefined;
  }

  /** Releases the coins reserved for an owner. */
  async release(owner: string): Promise<void> {
    await this.save(coins.release(this.state, owner));
  }

  /** All owners of reservations: after a restart those of owners that no longer exist have to be released. */
  owners(): readonly string[] {
    return [...new Set(this.state.reserved.values())];
  }

  /** An owner for a payment within one call: `open` releases what a crash left reserved for it. */
  passingOwner(): string {
    this.passed += 1;
    return `${passing}${this.passed}`;
  }

  /** How many receiving addresses and change addresses are in use. */
  get used(): coins.NextIndices {
    return this.state.next;
  }

  /** Counts at least that many addresses as used: none of them is returned again, and coins are looked for at all of them. */
  async use(addresses: coins.NextIndices): Promise<void> {
    const next = coins.withUsedAddresses(this.state, addresses);
    const [given, change] = next.next;
    this.book.scriptOf({ branch: 0, index: given });
    this.book.scriptOf({ branch: 1, index: change });
    await this.save(next);
  }

  /**
   * Begins a replay of the whole chain, for addresses that were not looked for when its blocks were applied. `block` takes every block
   * from the first on; `end` saves what was found, after the last block and before another is applied.
   */
  beginReplay(): { block(block: Block): void; end(): Promise<void> } {
    let replayed = coins.beforeChain(this.state);
    const found = this.history.replay();
    return {
      block: (block) => {
        replayed = coins.replayBlock(replayed, block, this.book);
        found.add(walletTxsOf(block, replayed));
      },
      end: async () => {
        const history = await found.end(replayed.height);
        await this.parts.store.commit([...this.step(coins.afterReplay(this.state, replayed)), ...history]);
      },
    };
  }

  /** What conflicts with one of ours in the chain: unless a reorg undoes it, ours will never confirm. */
  rivalOf(id: Txid): coins.Rival | undefined {
    return coins.rivalOf(this.state, id);
  }

  /** Our unconfirmed transactions that can still confirm, parents first: to be broadcast again. */
  pending(): readonly ChainTx[] {
    return coins.pending(this.state).map(coins.sentTx);
  }

  /** Our transactions that are given up since a reorg took their coins, or those of an ancestor, and none has brought them back. */
  abandoned(): readonly Txid[] {
    return coins.abandoned(this.state);
  }

  /** Keeps one of ours whose coins a reorg took for as long as `owner` wants it: until `release`. */
  async hold(owner: string, id: Txid): Promise<void> {
    await this.save(coins.hold(this.state, owner, id));
  }

  /** bitcoind accepted one of ours: whatever it spends is at least in the mempool. */
  async accepted(id: Txid): Promise<void> {
    await this.save(coins.withAccepted(this.state, id));
  }

  private async nextGiven(): Promise<KeyPath> {
    const [index, change] = this.state.next;
    await this.save({ ...this.state, next: [index + 1, change] });
    return { branch: 0, index };
  }

  /** Sets the state, and returns the changes to save. */
  private step(next: coins.WalletState): readonly Change[] {
    const changes = walletChanges(this.state, next);
    this.state = next;
    return changes;
  }

  private async save(next: coins.WalletState): Promise<void> {
    const changes = this.step(next);
    if (changes.length > 0) await this.parts.store.commit(changes);
  }
}
