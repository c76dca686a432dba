/**
 * The claim engine: spends the outputs that channels claim on chain. Each claim has one transaction. It is built when its timelocks
 * allow it, saved before it is published, published again with each block, and replaced by one with a higher fee as its deadline
 * nears, until its channel drops the claim. plan.ts decides what to do; the engine does it, one claim after the other.
 */

import { Transaction } from 'bitcoinjs-lib';
import type { Claim, UnsignedClaim } from '../../channel/model/claim.ts';
import { equal, unhex } from '../../wire/bytes.ts';
import { type Sat, txid } from '../../wire/units.ts';
import { fallbackFeerate } from '../chain/bitcoind.ts';
import { ChainError, isRetriable } from '../chain/errors.ts';
import { outpointKey } from '../chain/watchrules.ts';
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
  /** Height of the best block that all parts of the node have applied. */
  readonly height: () => number;
  /** The channel's witness for its input; `digest` is BIP 143's with SIGHASH_ALL, 32 bytes. Throws ChannelGone. */
  readonly witness: (
    channel: string,
    input: Pick<UnsignedClaim, 'unlock' | 'scriptCode'>,
    digest: Uint8Array,
  ) => readonly Uint8Array[];
  /** The amount in the channel's local commitment that is ours or may become ours: the upper limit of its fee. */
  readonly stake: (channel: string) => Sat;
  /** Called when the store failed or a bug was found: the node must end. */
  readonly fatal: (error: unknown) => void;
}

/** A channel was closed for good while one of its claims was processed. */
export class ChannelGone extends Error {
  override readonly name = 'ChannelGone';
}

/** One round over all claims. */
interface Round {
  /** Height of the best block. */
  readonly tip: number;
  /** Number of claims still to be processed that need a coin and have none. */
  readonly needy: Set<Claim>;
  /** Fee estimates, by confirmation target. */
  readonly estimates: Map<number, number>;
}

/** Milliseconds before the next round when the chain did not answer. */
const RETRY_MS = 5_000;

const outpointOf = (key: string): Claim['outpoint'] => {
  const [id = '', index = ''] = key.split(':');
  return { txid: txid(unhex(id)), index: Number(index) };
};
const keyOf = ({ outpoint }: Claim): string => outpointKey(outpoint.txid, outpoint.index);

/** Whether the chain did answer, though with an error: it is reachable, and may answer the next call. */
const isAnswer = (error: unknown): error is ChainError =>
  error instanceof ChainError && error.fault.code !== 'closed' && !isRetriable(error);

/** Whether a claim spends an output that the wallet signs for, and no key of a channel. */
const isWallets = (claim: Claim): boolean => claim.kind !== 'ready' && claim.unlock.by === 'wallet';

/** Claims with the nearest deadline first, then the largest. */
const byUrgency = (a: Claim, b: Claim): number => {
  const [first, second] = [a.deadline ?? Number.POSITIVE_INFINITY, b.deadline ?? Number.POSITIVE_INFINITY];
  if (first !== second) return first < second ? -1 : 1;
  return a.value > b.value ? -1 : a.value < b.value ? 1 : 0;
};

export class ClaimEngine {
  private readonly parts: EngineParts;
  /** What each channel claims now, by outpoint. */
  private readonly sets = new Map<string, ReadonlyMap<string, Claim>>();
  /** By channel and outpoint, as in the keys of the records. */
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

  /** Loads the engine from a store. It accepts claims at once, and processes them from `start` on. Throws StoreError. */
  static async open(parts: EngineParts): Promise<ClaimEngine> {
    const { store } = parts;
    const scripts = await loadRecords(store, CLAIM_PREFIX.script, (value) => Uint8Array.from(value));
    return new ClaimEngine(parts, await loadRecords(store, CLAIM_PREFIX.published, decodePublished), scripts);
  }

  /** Replaces the claims of a channel. Coins reserved for claims it drops are released once their transactions can no longer confirm. */
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
   * Starts, once every channel has set its claims after a restart. Coins reserved for no claim are released, and records of channels
   * that no longer exist (by `known`) are deleted. Throws StoreError.
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

  /** Processes all claims, after the round that is running, if any. Called for each new block and when the wallet got coins. */
  checkSoon(): void {
    if (!this.started || this.stopped) return;
    this.due = true;
    this.running ??= this.run();
  }

  /** As above, for claims with a deadline only: publishes again what the mempool may have dropped. */
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

  /** Deletes everything about a channel that is closed for good. Throws StoreError. */
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

  /** A channel's claims with their states, the most urgent first. */
  claimsWithStatus(channel: string): readonly ClaimWithStatus[] {
    const claims = [...(this.sets.get(channel)?.values() ?? [])].sort(byUrgency);
    return claims.map((claim) => ({ claim, status: this.statuses.get(keyOf(claim)) }));
  }

  /** Whether a transaction is one that the engine published for a claim: the last one, or an earlier one that also paid the wallet. */
  isOurs(channel: string, outpoint: Claim['outpoint'], tx: Transaction): boolean {
    const key = outpointKey(outpoint.txid, outpoint.index);
    const claim = this.sets.get(channel)?.get(key);
    const id = tx.getId();
    if (claim?.kind === 'ready' && Transaction.fromBuffer(claim.tx).getId() === id) return true;
    if (this.published.get(`${channel}/${key}`)?.tx.getId() === id) return true;
    const script = this.scripts.get(channel);
    return script !== undefined && tx.outs.some((output) => equal(output.script, script));
  }

  /** Stops the engine; resolves when nothing is running any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelRetry();
    await this.running;
  }

  /** Resolves once all claims that are due have been processed. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  /** Drops a claim: its output is spent, or it is not wanted. What was published for it may still confirm. */
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
      // If the store failed, nothing may be published; any other error may be gone with the next block.
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
      // Uses the chain's own tip: a node that is still reading blocks must not take a claim for long unconfirmed.
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

  /** Processes every claim, or those with a deadline, the most urgent first. Throws ChainError when the chain does not answer. */
  private async lookAtEach(tip: number, every: boolean): Promise<void> {
    const all = [...this.sets].flatMap(([channel, claims]) =>
      [...claims.values()].map((claim) => ({ channel, claim })),
    );
    const round: Round = { tip, needy: this.needy(tip), estimates: new Map() };
    for (const { channel, claim } of all.sort((a, b) => byUrgency(a.claim, b.claim))) {
      if (this.stopped) return;
      // Channels may have changed their claims meanwhile: an output may have been spent while others were processed.
      if (!this.claims(channel, claim) || !(every || claim.deadline !== undefined)) continue;
      round.needy.delete(claim);
      try {
        await this.lookAt(channel, claim, round);
      } catch (error) {
        if (error instanceof ChannelGone) continue;
        if (!isAnswer(error)) throw error;
        const fields = { channel, what: claim.why, reason: error.message };
        this.parts.log.error(fields, 'processing a claim failed: retrying it with the next block');
      }
    }
  }

  /** Number of claims that will soon need a coin of the wallet and have none. */
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

  /** The chain's fee estimate, asked for once a round. A claim is published even if there is none. */
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
    // The channel ended meanwhile: coins reserved in between would stay reserved for ever.
    else if (this.sets.get(channel)?.get(key) === undefined) this.ended(channel, claim);
  }

  private async keep(name: string, published: PublishedClaim | undefined): Promise<void> {
    if (published === undefined) this.published.delete(name);
    else this.published.set(name, published);
    const value = published && encodePublished(published);
    await this.parts.store.commit([{ key: CLAIM_PREFIX.published + name, value }]);
  }

  /** The script of the wallet that all claims of a channel pay to. */
  private async scriptOf(channel: string): Promise<Uint8Array> {
    const known = this.scripts.get(channel);
    if (known !== undefined) return known;
    const { script } = await this.parts.wallet.newAddress();
    this.scripts.set(channel, script);
    await this.parts.store.commit([{ key: CLAIM_PREFIX.script + channel, value: script }]);
    return script;
  }
}
