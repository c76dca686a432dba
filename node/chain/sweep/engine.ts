/**
 * The claim engine: takes from the chain what channels say is theirs. For each claim one transaction, built when its locks
 * allow it, saved before it is published, published again with each block, and replaced by a dearer one as its deadline nears,
 * until its channel claims it no longer. What is decided stands in plan.ts; here it is carried out, one claim after the other.
 */
import type { Transaction } from 'bitcoinjs-lib';
import type { Claim, OpenClaim } from '../../../channel/claim.ts';
import type { Sat } from '../../../wire/units.ts';
import type { Chain, Clock, Log, Store } from '../../ports.ts';
import { loadRecords } from '../../store/records.ts';
import type { Wallet } from '../../wallet/wallet.ts';
import { ChainError, isTransient } from '../errors.ts';
import { outpointKey } from '../watch.ts';
import { isClaimOwner, ownerOf, pursue } from './pursue.ts';
import { decodePublished, encodePublished, type Published, recordsAt } from './record.ts';
import { type Claimed, Standings } from './standing.ts';

export interface EngineParts {
  readonly chain: Chain;
  readonly store: Store;
  readonly wallet: Wallet;
  readonly clock: Clock;
  readonly log: Log;
  /** Height of the best block that everybody has been told of. */
  readonly height: () => number;
  /** The channel's witness for its input; `digest` is BIP 143's with SIGHASH_ALL, 32 bytes. */
  readonly witness: (channel: string, claim: OpenClaim, digest: Uint8Array) => readonly Uint8Array[];
  /** What is ours or may become ours in the channel's own commitment: the most its fee may come to. */
  readonly stake: (channel: string) => Sat;
  /** The store failed, or there is a bug: nothing may go on. */
  readonly fatal: (error: unknown) => void;
}

/** Milliseconds until a chain that did not answer is asked again. */
const RETRY_MS = 5_000;

const keyOf = ({ outpoint }: Claim): string => outpointKey(outpoint.txid, outpoint.index);

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
  private readonly published: Map<string, Published>;
  private readonly scripts: Map<string, Uint8Array>;
  private readonly standings: Standings;
  private started = false;
  private stopped = false;
  private due = false;
  private running: Promise<void> | undefined;
  private cancelRetry = (): void => undefined;

  private constructor(parts: EngineParts, published: Map<string, Published>, scripts: Map<string, Uint8Array>) {
    this.parts = parts;
    this.published = published;
    this.scripts = scripts;
    this.standings = new Standings(parts.log);
  }

  /** The engine of a store. It takes claims at once and does nothing about them before `start`. Throws StoreError. */
  static async open(parts: EngineParts): Promise<ClaimEngine> {
    const { store } = parts;
    const scripts = await loadRecords(store, recordsAt.script, (value) => Uint8Array.from(value));
    return new ClaimEngine(parts, await loadRecords(store, recordsAt.published, decodePublished), scripts);
  }

  /** All that a channel claims from now on. Coins promised to what it no longer claims are free again. */
  set(channel: string, claims: readonly Claim[]): void {
    const before = this.sets.get(channel);
    const now = new Map(claims.map((claim) => [keyOf(claim), claim]));
    if (now.size > 0) this.sets.set(channel, now);
    else this.sets.delete(channel);
    for (const [key, claim] of before ?? [])
      if (!now.has(key)) {
        this.standings.forget(key);
        this.free(claim);
      }
    this.wake();
  }

  /**
   * Begins, once every channel has said what it claims after a restart: what is promised to nothing that is claimed is free
   * again, and what is remembered of channels that are no more (`known` says which are) is forgotten. Throws StoreError.
   */
  async start(known: (channel: string) => boolean): Promise<void> {
    const { wallet } = this.parts;
    const owners = new Set([...this.sets.values()].flatMap((claims) => [...claims.values()].map(ownerOf)));
    for (const owner of wallet.owners()) if (isClaimOwner(owner) && !owners.has(owner)) await wallet.release(owner);
    const channels = [...this.scripts.keys(), ...[...this.published.keys()].map((name) => name.split('/')[0] ?? '')];
    for (const channel of new Set(channels)) if (!known(channel)) await this.forget(channel);
    this.started = true;
    this.wake();
  }

  /** Looks at all claims now, or once more after the look that is under way. For each new block, and when coins came. */
  wake(): void {
    if (!this.started || this.stopped) return;
    this.due = true;
    this.running ??= this.run();
  }

  /** A channel is over and done: nothing of it need be known any more. Throws StoreError. */
  async forget(channel: string): Promise<void> {
    this.set(channel, []);
    const names = [...this.published.keys()].filter((name) => name.startsWith(`${channel}/`));
    const keys = names.map((name) => recordsAt.published + name);
    for (const name of names) this.published.delete(name);
    if (this.scripts.delete(channel)) keys.push(recordsAt.script + channel);
    if (keys.length > 0) await this.parts.store.commit(keys.map((key) => ({ key, value: undefined })));
  }

  /** What a channel claims and where each claim stands, the most urgent first. */
  standing(channel: string): readonly Claimed[] {
    const claims = [...(this.sets.get(channel)?.values() ?? [])].sort(byUrgency);
    return claims.map((claim) => ({ claim, standing: this.standings.get(keyOf(claim)) }));
  }

  /** Whether a transaction is the one last published for what it spends, as its channel claimed or claims it. */
  isOurs(channel: string, outpoint: Claim['outpoint'], tx: Transaction): boolean {
    const last = this.published.get(`${channel}/${outpointKey(outpoint.txid, outpoint.index)}`);
    return last !== undefined && last.tx.getId() === tx.getId();
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

  private free(claim: Claim): void {
    const { wallet, fatal } = this.parts;
    if (wallet.owners().includes(ownerOf(claim))) wallet.release(ownerOf(claim)).catch(fatal);
  }

  private async run(): Promise<void> {
    try {
      while (this.due && !this.stopped) {
        this.due = false;
        await this.lookAtAll();
      }
    } catch (error) {
      this.stopped = true;
      this.parts.fatal(error);
    } finally {
      this.running = undefined;
    }
  }

  private async lookAtAll(): Promise<void> {
    const { chain, height } = this.parts;
    this.cancelRetry();
    // Blocks that are there but not read yet count, too: a claim has not waited for what is merely read late.
    const best = await chain.tip().catch((error: unknown) => {
      if (this.isAway(error)) return undefined;
      throw error;
    });
    if (best === undefined) return;
    const tip = Math.max(height(), best.height);
    const estimates = new Map<number, number>();
    const feerate = async (blocks: number): Promise<number> => {
      const estimate = estimates.get(blocks) ?? (await chain.feerate(blocks));
      estimates.set(blocks, estimate);
      return estimate;
    };
    const all = [...this.sets].flatMap(([channel, claims]) =>
      [...claims.values()].map((claim) => ({ channel, claim })),
    );
    for (const { channel, claim } of all.sort((a, b) => byUrgency(a.claim, b.claim))) {
      if (this.stopped) return;
      // What a channel says meanwhile counts at once: an output may have been spent while others were looked at.
      if (!this.claims(channel, claim)) continue;
      try {
        await this.lookAt(channel, claim, tip, feerate);
      } catch (error) {
        if (this.isAway(error)) return;
        if (!(error instanceof ChainError)) throw error;
        this.parts.log.error(
          { channel: channel.slice(0, 12), what: claim.why, reason: error.message },
          'a claim failed',
        );
      }
    }
  }

  /** Whether the chain does not answer, for now or for good; for now it is asked again after a while. */
  private isAway(error: unknown): boolean {
    if (isTransient(error)) this.cancelRetry = this.parts.clock.after(RETRY_MS, () => this.wake());
    return isTransient(error) || (error instanceof ChainError && error.fault.code === 'closed');
  }

  private claims(channel: string, claim: Claim): boolean {
    return this.sets.get(channel)?.get(keyOf(claim)) === claim;
  }

  private async lookAt(
    channel: string,
    claim: Claim,
    tip: number,
    feerate: (blocks: number) => Promise<number>,
  ): Promise<void> {
    const { chain, wallet, witness, stake } = this.parts;
    const key = keyOf(claim);
    const name = `${channel}/${key}`;
    const standing = await pursue(claim, {
      ...{ chain, wallet, tip, feerate },
      script: await this.scriptOf(channel),
      stake: stake(channel),
      known: this.published.get(name),
      keep: (published) => this.keep(name, published),
      signers: {
        witness: (open, digest) => witness(channel, open, digest),
        coins: (tx, inputs) => wallet.signCoins(tx, inputs),
      },
    });
    if (this.claims(channel, claim)) this.standings.note(channel, key, claim, standing, tip);
    // It ended while we were at it: what was promised in between would be promised to nobody.
    else if (this.sets.get(channel)?.get(key) === undefined) this.free(claim);
  }

  private async keep(name: string, published: Published | undefined): Promise<void> {
    if (published === undefined) this.published.delete(name);
    else this.published.set(name, published);
    const value = published && encodePublished(published);
    await this.parts.store.commit([{ key: recordsAt.published + name, value }]);
  }

  /** Where a channel's money goes: always the same script of the wallet. */
  private async scriptOf(channel: string): Promise<Uint8Array> {
    const known = this.scripts.get(channel);
    if (known !== undefined) return known;
    const { script } = await this.parts.wallet.newAddress();
    this.scripts.set(channel, script);
    await this.parts.store.commit([{ key: recordsAt.script + channel, value: script }]);
    return script;
  }
}
