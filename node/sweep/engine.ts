/**
 * The claim engine: takes from the chain what channels say is theirs. For each claim one transaction, built when its locks
 * allow it, saved before it is published, published again with each block, and replaced by a dearer one as its deadline nears,
 * until its channel claims it no longer. What is decided stands in plan.ts; here it is carried out, one claim after the other.
 */

import { Transaction } from 'bitcoinjs-lib';
import type { Claim, UnsignedClaim } from '../../channel/model/claim.ts';
import { equal, unhex } from '../../wire/bytes.ts';
import { type Sat, txid } from '../../wire/units.ts';
import { fallbackFeerate } from '../chain/bitcoind.ts';
import { ChainError, isRetriable } from '../chain/errors.ts';
import { outpointKey } from '../chain/watch.ts';
import type { Chain, Clock, Log, Store } from '../ports/ports.ts';
import { StoreError } from '../store/errors.ts';
import { loadRecords } from '../store/records.ts';
import type { Wallet } from '../wallet/wallet.ts';
import { ClaimCoins, coinOwnerOf, outpointKeyOfOwner } from './claimcoins.ts';
import { ClaimStatuses, type ClaimWithStatus } from './claimstatus.ts';
import { needsCoin } from './plan.ts';
import { publishClaim } from './publish.ts';
import { CLAIM_PREFIX, decodePublished, encodePublished, type PublishedClaim } from './publishedclaim.ts';
import { URGENT_BLOCKS } from './rate.ts';

export interface EngineParts {
  readonly chain: Chain;
  readonly store: Store;
  readonly wallet: Wallet;
  readonly clock: Clock;
  readonly log: Log;
  /** Height of the best block that everybody has been told of. */
  readonly height: () => number;
  /** The channel's witness for its input; `digest` is BIP 143's with SIGHASH_ALL, 32 bytes. Throws ChannelGone. */
  readonly witness: (
    channel: string,
    input: Pick<UnsignedClaim, 'unlock' | 'scriptCode'>,
    digest: Uint8Array,
  ) => readonly Uint8Array[];
  /** What is ours or may become ours in the channel's own commitment: the most its fee may come to. */
  readonly stake: (channel: string) => Sat;
  /** The store failed, or there is a bug: nothing may go on. */
  readonly fatal: (error: unknown) => void;
}

/** A channel came to its end while one of its claims was looked at. */
export class ChannelGone extends Error {
  override readonly name = 'ChannelGone';
}

/** One look at everything. */
interface Round {
  /** Height of the best block. */
  readonly tip: number;
  /** Claims not looked at yet that need a coin and have none. */
  readonly needy: Set<Claim>;
  /** By the blocks they are for. */
  readonly estimates: Map<number, number>;
}

/** Milliseconds until a chain that did not answer is asked again. */
const RETRY_MS = 5_000;

const outpointOf = (key: string): Claim['outpoint'] => {
  const [id = '', index = ''] = key.split(':');
  return { txid: txid(unhex(id)), index: Number(index) };
};
const keyOf = ({ outpoint }: Claim): string => outpointKey(outpoint.txid, outpoint.index);

/** An answer of the chain's, if one we cannot do much with: it is there, and may well answer the next question. */
const isAnswer = (error: unknown): error is ChainError =>
  error instanceof ChainError && error.fault.code !== 'closed' && !isRetriable(error);

/** Whether a claim spends an output of the wallet's, and no key of a channel opens it. */
const isWallets = (claim: Claim): boolean => claim.kind !== 'ready' && claim.unlock.by === 'wallet';

/** Those first that somebody else may have soonest, then the largest. */
const byUrgency = (a: Claim, b: Claim): number => {
  const [first, second] = [a.deadline ?? Number.POSITIVE_INFINITY, b.deadline ?? Number.POSITIVE_INFINITY];
  if (first !== second) return first < second ? -1 : 1;
  return a.value > b.value ? -1 : a.value < b.value ? 1 : 0;
};

export class ClaimEngine {
  private readonly parts: EngineParts;
  /** What each channel claims now, by outpoint. */
  private readonly sets = new Map<string, ReadonlyMap<string, Claim>>();
  /** By channel and outpoint, as the records are called. */
  private readonly published: Map<string, PublishedClaim>;
  private readonly scripts: Map<string, Uint8Array>;
  private readonly statuses: ClaimStatuses;
  private readonly claimCoins: ClaimCoins;
  private started = false;
  private stopped = false;
  private due = false;
  private urgent = false;
  private running: Promise<void> | undefined;
  private cancelRetry = (): void => undefined;

  private constructor(parts: EngineParts, published: Map<string, PublishedClaim>, scripts: Map<string, Uint8Array>) {
    this.parts = parts;
    this.published = published;
    this.scripts = scripts;
    this.statuses = new ClaimStatuses(parts.log);
    this.claimCoins = new ClaimCoins(parts);
  }

  /** The engine of a store. It takes claims at once and does nothing about them before `start`. Throws StoreError. */
  static async open(parts: EngineParts): Promise<ClaimEngine> {
    const { store } = parts;
    const scripts = await loadRecords(store, CLAIM_PREFIX.script, (value) => Uint8Array.from(value));
    return new ClaimEngine(parts, await loadRecords(store, CLAIM_PREFIX.published, decodePublished), scripts);
  }

  /** All that a channel claims from now on. Coins promised to what it no longer claims are free once they cannot be spent for it. */
  setClaims(channel: string, claims: readonly Claim[]): void {
    const before = this.sets.get(channel);
    const now = new Map(claims.map((claim) => [keyOf(claim), claim]));
    if (now.size > 0) this.sets.set(channel, now);
    else this.sets.delete(channel);
    for (const claim of claims) this.claimCoins.claimAgain(claim);
    for (const [key, claim] of before ?? []) if (!now.has(key)) this.ended(channel, claim);
    this.checkSoon();
  }

  /**
   * Begins, once every channel has said what it claims after a restart: what is promised to nothing that is claimed is free
   * again, and what is remembered of channels that are no more (`known` says which are) is forgotten. Throws StoreError.
   */
  async start(known: (channel: string) => boolean): Promise<void> {
    const { wallet } = this.parts;
    const claimed = new Set([...this.sets.values()].flatMap((claims) => [...claims.keys()]));
    const pending = new Map([...this.published.keys()].map((name) => [name.split('/')[1] ?? '', name] as const));
    for (const owner of wallet.owners()) {
      const key = outpointKeyOfOwner(owner);
      if (key === undefined || claimed.has(key)) continue;
      if (pending.has(key)) this.claimCoins.holdUntilImpossible({ outpoint: outpointOf(key) });
      else await wallet.release(owner);
    }
    const channels = [...this.scripts.keys(), ...[...this.published.keys()].map((name) => name.split('/')[0] ?? '')];
    for (const channel of new Set(channels)) if (!known(channel)) await this.forget(channel);
    this.started = true;
    this.checkSoon();
  }

  /** Looks at all claims now, or once more after the look that is under way. For each new block, and when coins came. */
  checkSoon(): void {
    if (!this.started || this.stopped) return;
    this.due = true;
    this.running ??= this.run();
  }

  /** The same for those alone that somebody else may have in time: what the mempool lost is given to it again. */
  checkUrgentSoon(): void {
    if (!this.started || this.stopped || !this.isUrgent()) return;
    this.urgent = true;
    this.running ??= this.run();
  }

  private isUrgent(): boolean {
    return [...this.sets.values()].some((claims) =>
      [...claims.values()].some(({ deadline }) => deadline !== undefined),
    );
  }

  /** A channel is over and done: nothing of it need be known any more. Throws StoreError. */
  async forget(channel: string): Promise<void> {
    this.setClaims(channel, []);
    const names = [...this.published.keys()].filter((name) => name.startsWith(`${channel}/`));
    const keys = names.map((name) => CLAIM_PREFIX.published + name);
    for (const name of names) {
      this.published.delete(name);
      this.claimCoins.release({ outpoint: outpointOf(name.split('/')[1] ?? '') });
    }
    if (this.scripts.delete(channel)) keys.push(CLAIM_PREFIX.script + channel);
    if (keys.length > 0) await this.parts.store.commit(keys.map((key) => ({ key, value: undefined })));
  }

  /** What a channel claims and where each claim stands, the most urgent first. */
  claimsWithStatus(channel: string): readonly ClaimWithStatus[] {
    const claims = [...(this.sets.get(channel)?.values() ?? [])].sort(byUrgency);
    return claims.map((claim) => ({ claim, status: this.statuses.get(keyOf(claim)) }));
  }

  /** Whether a transaction was published here for what it spends: the last one for it, or an earlier one, which paid the wallet too. */
  isOurs(channel: string, outpoint: Claim['outpoint'], tx: Transaction): boolean {
    const key = outpointKey(outpoint.txid, outpoint.index);
    const claim = this.sets.get(channel)?.get(key);
    const id = tx.getId();
    if (claim?.kind === 'ready' && Transaction.fromBuffer(claim.tx).getId() === id) return true;
    if (this.published.get(`${channel}/${key}`)?.tx.getId() === id) return true;
    const script = this.scripts.get(channel);
    return script !== undefined && tx.outs.some((output) => equal(output.script, script));
  }

  /** Ends; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelRetry();
    await this.running;
  }

  /** Resolves once all that is due has been looked at. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** A claim is no more: spent, or not wanted. What was published for it may still be mined. */
  private ended(channel: string, claim: Claim): void {
    const key = keyOf(claim);
    this.statuses.forget(key);
    if (this.published.has(`${channel}/${key}`)) this.claimCoins.holdUntilImpossible(claim, isWallets(claim));
    else this.claimCoins.release(claim);
  }

  private async run(): Promise<void> {
    try {
      while ((this.due || this.urgent) && !this.stopped) {
        const all = this.due;
        this.due = false;
        this.urgent = false;
        await this.lookAtAll(all);
      }
    } catch (error) {
      // Nothing is claimed on what is not durable; whatever else is wrong may be right with the next block.
      this.stopped ||= error instanceof StoreError;
      this.parts.fatal(error);
    } finally {
      this.running = undefined;
    }
  }

  private async lookAtAll(all: boolean): Promise<void> {
    const { chain, height } = this.parts;
    this.cancelRetry();
    try {
      // Blocks that are there but not read yet count, too: a claim has not waited for what is merely read late.
      const best = await chain.tip();
      await this.claimCoins.releaseImpossible();
      await this.lookAtEach(Math.max(height(), best.height), all);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      if (error.fault.code === 'closed') return;
      this.parts.log.debug({ reason: error.message }, 'the chain does not answer: checking claims again in 5 seconds');
      this.cancelRetry = this.parts.clock.after(RETRY_MS, () => this.checkSoon());
    }
  }

  /** Every claim, or each that has a deadline, the most urgent first. Throws ChainError when the chain does not answer. */
  private async lookAtEach(tip: number, every: boolean): Promise<void> {
    const all = [...this.sets].flatMap(([channel, claims]) =>
      [...claims.values()].map((claim) => ({ channel, claim })),
    );
    const round: Round = { tip, needy: this.needy(tip), estimates: new Map() };
    for (const { channel, claim } of all.sort((a, b) => byUrgency(a.claim, b.claim))) {
      if (this.stopped) return;
      // What a channel says meanwhile counts at once: an output may have been spent while others were looked at.
      if (!this.claims(channel, claim) || !(every || claim.deadline !== undefined)) continue;
      round.needy.delete(claim);
      try {
        await this.lookAt(channel, claim, round);
      } catch (error) {
        if (error instanceof ChannelGone) continue;
        if (!isAnswer(error)) throw error;
        const fields = { channel, what: claim.why, reason: error.message };
        this.parts.log.error(fields, 'a claim failed; it is tried again');
      }
    }
  }

  /** Claims that need a coin of the wallet before long and have none. */
  private needy(tip: number): Set<Claim> {
    const provided = new Set(this.parts.wallet.owners());
    const all = [...this.sets.values()].flatMap((claims) => [...claims.values()]);
    return new Set(
      all.filter(
        (claim) =>
          (claim.kind === 'htlc' || claim.kind === 'sweep') &&
          needsCoin(claim) &&
          claim.from <= tip + URGENT_BLOCKS &&
          !provided.has(coinOwnerOf(claim)),
      ),
    );
  }

  /** The chain's estimate, asked for once a round. One that cannot be had must not keep a claim from being published. */
  private async feerate({ estimates }: Round, blocks: number): Promise<number> {
    const known = estimates.get(blocks);
    if (known !== undefined) return known;
    const estimate = await this.parts.chain.feerate(blocks).catch((error: unknown) => {
      if (!isAnswer(error)) throw error;
      return fallbackFeerate;
    });
    estimates.set(blocks, estimate);
    return estimate;
  }

  private claims(channel: string, claim: Claim): boolean {
    return this.sets.get(channel)?.get(keyOf(claim)) === claim;
  }

  private async lookAt(channel: string, claim: Claim, round: Round): Promise<void> {
    const { chain, wallet, witness, stake } = this.parts;
    const key = keyOf(claim);
    const name = `${channel}/${key}`;
    const status = await publishClaim(claim, {
      ...{ chain, wallet },
      tip: round.tip,
      needy: round.needy.size,
      feerate: (blocks) => this.feerate(round, blocks),
      script: await this.scriptOf(channel),
      stake: stake(channel),
      known: this.published.get(name),
      keep: (published) => this.keep(name, published),
      signers: {
        witness: (open, digest) => witness(channel, open, digest),
        coins: (tx, inputs) => wallet.signCoins(tx, inputs),
      },
    });
    if (this.claims(channel, claim)) this.statuses.note(channel, key, claim, status, round.tip);
    // It ended while we were at it: what was promised in between would be promised to nobody.
    else if (this.sets.get(channel)?.get(key) === undefined) this.ended(channel, claim);
  }

  private async keep(name: string, published: PublishedClaim | undefined): Promise<void> {
    if (published === undefined) this.published.delete(name);
    else this.published.set(name, published);
    const value = published && encodePublished(published);
    await this.parts.store.commit([{ key: CLAIM_PREFIX.published + name, value }]);
  }

  /** Where a channel's money goes: always the same script of the wallet. */
  private async scriptOf(channel: string): Promise<Uint8Array> {
    const known = this.scripts.get(channel);
    if (known !== undefined) return known;
    const { script } = await this.parts.wallet.newAddress();
    this.scripts.set(channel, script);
    await this.parts.store.commit([{ key: CLAIM_PREFIX.script + channel, value: script }]);
    return script;
  }
}
