/**
 * The node's own money. The state is always a pure function's last answer; every method first changes it in memory, then
 * waits until that is durable, so two callers never get the same coin. It follows the chain as one of its listeners.
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
import type { Plan, Want } from './plans.ts';
import { dustOf, roundedUpFee, selectCoins, weightOf } from './select.ts';
import { claimOwner, type Fund, fundsOf, heldBack, spendable, sumOf } from './view.ts';

export interface WalletParts {
  readonly store: Store;
  readonly keys: NodeKeys;
  readonly network: Network;
}

/** A coin of less, sat, costs as much as it brings to a claim that pays 20 sat/vbyte. */
const WORTHLESS = roundedUpFee(weightOf.input, 5_000);
/** Promises to owners of this kind end with the process that made them. */
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

  /** The wallet a store holds; what was set aside for a payment that a crash cut short is free again. Throws StoreError. */
  static async open(parts: WalletParts): Promise<Wallet> {
    const book = addressBook(parts.keys);
    const { store } = parts;
    const wallet = new Wallet(parts, book, await loadWallet(store, book), await WalletHistory.load(store));
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

  /** Mined transactions that paid the wallet or spent its coins, in the order of the chain. Throws StoreError. */
  transactions(): AsyncIterable<MinedTx> {
    return this.history.list();
  }

  /** Every output known, spent ones included. */
  funds(): readonly Fund[] {
    return fundsOf(this.state);
  }

  /** What could be spent now: confirmed coins and our own change, promised to nobody. Before fees. */
  spendable(minDepth = 0): Sat {
    return sumOf(spendable(this.state, minDepth));
  }

  /**
   * What could pay for claims on chain: promised to nobody, or to claims. Our own change counts, for claims may spend it; a coin
   * that would not pay for its own input then does not.
   */
  forClaims(): Sat {
    const open = ({ reserved }: Fund): boolean => reserved === undefined || reserved.startsWith(claimOwner);
    return sumOf(
      this.funds().filter((fund) => /^(un)?confirmed$/.test(fund.status) && open(fund) && fund.amount > WORTHLESS),
    );
  }

  /** The script and the address of an output of ours. */
  describe(path: KeyPath): { readonly script: Uint8Array; readonly address: string } {
    const script = this.book.scriptOf(path);
    return { script, address: addressOfScript(script, this.parts.network) ?? '' };
  }

  /** An address nobody has been given before. Durable before it is returned, so that it is always looked for. */
  async newAddress(): Promise<{ readonly script: Uint8Array; readonly address: string }> {
    return this.describe(await this.nextGiven());
  }

  /**
   * A script for something that most likely comes to nothing, such as an opening that a stranger asks for: the same one
   * for all who ask, until `taken` says that somebody may really pay to it. So those who only ask use up no addresses, of
   * which a wallet restored from its seed looks for a few at a time.
   */
  async spareScript(): Promise<Uint8Array> {
    this.spare ??= this.newAddress();
    return (await this.spare).script;
  }

  /** That script is now in use, and the next to ask gets another. */
  async taken(script: Uint8Array): Promise<void> {
    const spare = await this.spare;
    if (spare !== undefined && equal(spare.script, script)) this.spare = undefined;
  }

  /**
   * Chooses coins for a payment and promises them to `owner`, until they are sent or released; a restart keeps the promise.
   * Throws WalletError `insufficient_funds`, `reserved_for_claims`, `bad_feerate`, `already_reserved`.
   */
  async reserve(owner: string, want: Want): Promise<Plan> {
    if (this.owners().includes(owner)) throw new WalletError({ code: 'already_reserved', owner });
    const { amount, feerate, scriptLength, minDepth = 0, leave } = want;
    const spending = { amount, feerate, outputWeight: weightOf.output(scriptLength), leave };
    const chosen = this.choose(spending, minDepth);
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
   * Coins that may pay the fee of somebody's transaction: those promised to this owner, and of those promised to nobody the
   * confirmed ones (`free`), and change of our own that no block holds yet (`waiting`): for where nothing else is left.
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
   * Promises these coins to `owner` beside those it has, until they are released or spent; a restart keeps the promise. Throws
   * WalletError `already_reserved` when one is promised to somebody else.
   */
  async promise(owner: string, keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const other = this.state.reserved.get(key);
      if (other !== undefined && other !== owner) throw new WalletError({ code: 'already_reserved', owner: other });
    }
    const open = keys.filter((key) => !this.state.reserved.has(key));
    if (open.length > 0) await this.save(coins.reserve(this.state, owner, open));
  }

  /** Whether these may be promised to `owner`: nobody else has a promise of one of them. */
  isOpenTo(owner: string, keys: readonly string[]): boolean {
    return keys.every((key) => (this.state.reserved.get(key) ?? owner) === owner);
  }

  /** Signs inputs of a transaction that spend coins of ours; its inputs and outputs must all be there already. */
  signCoins(tx: Transaction, inputs: readonly { readonly index: number; readonly coin: Fund }[]): void {
    for (const { index, coin } of inputs) signInput(tx, index, coin, this.parts.keys);
  }

  /** Whether an output with this script is the wallet's to spend. */
  owns(script: Uint8Array): boolean {
    return this.book.pathOf(script) !== undefined;
  }

  /** The witness that spends an output with this script. `digest` is BIP 143's with SIGHASH_ALL. Throws RangeError. */
  witness(script: Uint8Array, digest: Uint8Array): readonly Uint8Array[] {
    const path = this.book.pathOf(script);
    if (path === undefined) throw new RangeError('an output that is not of this wallet');
    return keyWitness(digest, path, this.parts.keys);
  }

  /**
   * The signed transaction of a plan, paying to `script`. Nothing is sent or kept yet: see `sending`. Throws WalletError
   * `dust`.
   */
  sign(plan: Plan, script: Uint8Array): ChainTx {
    const minimum = dustOf(script);
    if (plan.amount < minimum) throw new WalletError({ code: 'dust', amount: plan.amount, minimum });
    const outputs = [{ script, amount: plan.amount }, ...(plan.change === undefined ? [] : [plan.change])];
    return buildSigned(plan.inputs, outputs, this.parts.keys);
  }

  /** To be called before a transaction of ours is broadcast: from now on its coins are spent and its change is ours. */
  async sending({ tx }: ChainTx): Promise<void> {
    await this.save(coins.withSent(this.state, coins.sentOf(tx, this.book)));
  }

  /** Takes back `sending`, for a transaction the network refused. */
  async forget(id: Txid): Promise<void> {
    await this.save(coins.withoutSent(this.state, id));
  }

  /**
   * A transaction that takes the coins of another of ours back to the wallet, to be broadcast; from now on it is the one that
   * counts, unless `forget` takes that back. Throws WalletError `cannot_give_up`, `insufficient_funds`.
   */
  async giveUp(id: Txid, feerate: number): Promise<ChainTx & { readonly fee: Sat }> {
    const path: KeyPath = { branch: 1, index: this.state.next[1] };
    const script = this.book.scriptOf(path);
    const { inputs, amount, fee } = planTakeBack(this.state, id, feerate, script);
    const made = buildSigned(inputs, [{ script, amount }], this.parts.keys);
    await this.save(coins.giveUp(this.state, id, coins.sentOf(made.tx, this.book)));
    return { ...made, fee };
  }

  /** The transaction that takes back the coins of one of ours that was given up; undefined for any other. */
  takenBackBy(id: Txid): Txid | undefined {
    const by = this.state.givenUp.get(hex(id));
    return by === undefined ? undefined : txid(unhex(by));
  }

  /** This transaction of ours has come into use, whatever was to take its coins back: it alone counts from now on. */
  async stands(id: Txid): Promise<void> {
    const by = this.takenBackBy(id);
    if (by !== undefined) await this.forget(by);
  }

  /** Whether a block has this transaction of ours. */
  isMined(id: Txid): boolean {
    const ours = this.state.sent.get(hex(id));
    return ours !== undefined && coins.heightOf(this.state, ours) !== undefined;
  }

  /** Frees what was promised to an owner. */
  async release(owner: string): Promise<void> {
    await this.save(coins.release(this.state, owner));
  }

  /** Everyone coins are promised to: after a restart those who no longer exist have to be released. */
  owners(): readonly string[] {
    return [...new Set(this.state.reserved.values())];
  }

  /** An owner for a payment made in one go: `open` releases what a crash left promised to it. */
  passingOwner(): string {
    this.passed += 1;
    return `${passing}${this.passed}`;
  }

  /** How many addresses were given out, and how many made for change. */
  get used(): coins.NextIndices {
    return this.state.next;
  }

  /** Takes at least that many addresses for used: none of them is given out again, and coins are looked for at all of them. */
  async use(addresses: coins.NextIndices): Promise<void> {
    const next = coins.withUsedAddresses(this.state, addresses);
    const [given, change] = next.next;
    this.book.scriptOf({ branch: 0, index: given });
    this.book.scriptOf({ branch: 1, index: change });
    await this.save(next);
  }

  /**
   * Begins a replay of the whole chain, for addresses that were not looked for when its blocks were applied. `block` takes
   * each block from the first on; `end`, once the last was taken and before another is applied, keeps what was found.
   */
  beginReplay(): { block(block: Block): void; end(): Promise<void> } {
    let replayed = coins.beforeChain(this.state);
    const found = this.history.replay();
    return {
      block: (block) => {
        replayed = coins.walletEvent(replayed, { event: 'connected', block }, this.book);
        found.add(walletTxsOf(block, replayed));
      },
      end: async () => {
        const history = await found.end(replayed.height);
        await this.parts.store.commit([...this.step(coins.afterReplay(this.state, replayed)), ...history]);
      },
    };
  }

  /** The transaction in the chain that has taken what one of ours needs: unless a reorg undoes it, ours will never be mined. */
  rivalOf(id: Txid): coins.Rival | undefined {
    return coins.rivalOf(this.state, id);
  }

  /** Our transactions that no block holds and that still may be mined, parents first: to be broadcast again. */
  pending(): readonly ChainTx[] {
    return coins.pending(this.state).map(coins.sentTx);
  }

  /** Own change only when confirmed coins do not suffice: a chain of unconfirmed transactions is a risk of its own. */
  private choose(spending: Parameters<typeof selectCoins>[1], minDepth: number): ReturnType<typeof selectCoins<Fund>> {
    const select = (depth: number): ReturnType<typeof selectCoins<Fund>> | WalletError => {
      try {
        return selectCoins(spendable(this.state, depth), spending);
      } catch (error) {
        if (!(error instanceof WalletError) || error.fault.code !== 'insufficient_funds') throw error;
        return new WalletError({ ...error.fault, held: heldBack(this.state, depth) });
      }
    };
    const confirmed = spending.amount !== 'all' && minDepth < 1 ? select(1) : undefined;
    const chosen = confirmed === undefined || confirmed instanceof WalletError ? select(minDepth) : confirmed;
    if (chosen instanceof WalletError) throw chosen;
    return chosen;
  }

  private async nextGiven(): Promise<KeyPath> {
    const [index, change] = this.state.next;
    await this.save({ ...this.state, next: [index + 1, change] });
    return { branch: 0, index };
  }

  /** Makes a state the present one and says what to keep of it. */
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
