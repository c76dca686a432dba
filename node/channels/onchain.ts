/**
 * Channels that are on chain, or about to be: watches their outputs in blocks and in the mempool, looks up the HTLCs of revoked
 * commitments, and gives their claims to the claim engine. Which outputs to claim is decided by the channel.
 */
import { Transaction } from 'bitcoinjs-lib';
import { claimWitness } from '../../channel/claims/claimwitness.ts';
import type { Effect } from '../../channel/model/io.ts';
import { PAST_PREFIX, pastAt } from '../../channel/model/persist.ts';
import type { PastHtlc } from '../../channel/model/state.ts';
import type { Outpoint } from '../../channel/tx/funding.ts';
import { unhex } from '../../wire/bytes.ts';
import { type Sat, sat, txid } from '../../wire/units.ts';
import type { Follower } from '../chain/follower.ts';
import type { Watcher } from '../chain/watcher.ts';
import { type Notice, outpointKey, type Watch } from '../chain/watchrules.ts';
import type { Ports } from '../ports/ports.ts';
import type { Gate } from '../store/gate.ts';
import { within } from '../store/space.ts';
import { type ClaimWithStatus, outpointText } from '../sweep/claimstatus.ts';
import { ChannelGone, ClaimEngine } from '../sweep/engine.ts';
import { MempoolWatch } from '../sweep/mempool.ts';
import { atRandomTimes } from '../sweep/randomtimes.ts';
import type { Wallet } from '../wallet/wallet.ts';
import type { Channels } from './channels.ts';
import { coreOf, type Entry, isFunded, logFields } from './entry.ts';
import { namingLog } from './naming.ts';
import { stakeOf } from './views.ts';

type EffectOf<D extends Effect['do']> = Extract<Effect, { do: D }>;

/** Prefix of the records of channels. */
export const CHANNELS = 'channel/';
/** Prefix of the names of their watches. */
export const OUTPUT = 'output';

/** A watched output of a channel, and the confirmed transaction that spends it. */
export interface WatchedOutput {
  readonly outpoint: Outpoint;
  readonly spend?: { readonly txid: string; readonly height: number; readonly ours: boolean };
}

export interface OnchainParts extends Pick<Ports, 'chain' | 'store' | 'clock' | 'entropy' | 'log'> {
  readonly wallet: Wallet;
  readonly gate: Gate;
  readonly follower: Follower;
  readonly watcher: Watcher;
  readonly channels: Pick<Channels, 'entries' | 'settled' | 'nameOf'>;
  /** The store failed, or there is a bug: the node must stop. */
  readonly fatal: (error: unknown) => void;
}

const idOf = (key: string, { txid: hash, index }: Outpoint): string => `${OUTPUT}/${key}/${outpointKey(hash, index)}`;

/** The channel and outpoint of a notice about an output of a channel; undefined for other notices. */
const subjectOf = (notice: Notice): { readonly key: string; readonly outpoint: Outpoint } | undefined => {
  const [kind, key = '', subject = ''] = notice.id.split('/');
  if (kind !== OUTPUT) return undefined;
  const [hash = '', index = ''] = subject.split(':');
  return { key, outpoint: { txid: txid(unhex(hash)), index: Number(index) } };
};

export class Onchain {
  private readonly parts: OnchainParts;
  private readonly engine: ClaimEngine;
  private readonly mempool: MempoolWatch;
  private stopTimer = (): void => undefined;
  /** By channel, then by outpoint. */
  private readonly outputs = new Map<string, Map<string, WatchedOutput>>();

  private constructor(parts: OnchainParts, engine: ClaimEngine) {
    this.parts = parts;
    this.engine = engine;
    const { chain, clock, entropy, log, fatal } = parts;
    this.mempool = new MempoolWatch({
      ...{ chain, clock, entropy, log, fatal },
      onSpendGone: () => void this.gone().catch(fatal),
      onSpend: (key, { txid: hash, vout }, { tx }) => this.inMempool(key, { txid: hash, index: vout }, tx),
    });
  }

  /** Reads the records of claims. Nothing is done before `start`. Throws StoreError. */
  static async open(parts: OnchainParts): Promise<Onchain> {
    const { chain, store, wallet, clock, log, fatal, channels, follower } = parts;
    const stateOf = (channel: string) => {
      const state = channels.entries.get(channel)?.machine.state;
      if (state === undefined || !isFunded(state)) throw new ChannelGone(channel);
      return state;
    };
    const engine = await ClaimEngine.open({
      ...{ chain, store, wallet, clock, fatal },
      log: namingLog(log, (key) => channels.nameOf(key)),
      height: () => follower.top.height,
      witness: (channel, claim, digest) =>
        claim.unlock.by === 'wallet'
          ? wallet.witness(claim.unlock.script, digest)
          : claimWitness(stateOf(channel), claim, digest),
      // An opening that was just abandoned has nothing to claim.
      stake: (channel) => sat(channels.entries.has(channel) ? stakeOf(stateOf(channel).core) : 0n),
    });
    return new Onchain(parts, engine);
  }

  /** Starts, after a restart once every channel has reported its claims. Throws StoreError. */
  async start(): Promise<void> {
    const { gate, channels, watcher } = this.parts;
    await gate.allSaved();
    const { entries } = channels;
    const isOver = (key: string): boolean => (entries.get(key)?.machine.state.phase ?? 'closed') === 'closed';
    await this.engine.start((key) => !isOver(key));
    await watcher.unwatchWhere((id) => {
      const [kind, key = ''] = id.split('/');
      return kind === OUTPUT && isOver(key);
    });
    this.mempool.start();
    this.stopTimer = atRandomTimes(this.parts.clock, this.parts.entropy, () => void this.retryUrgent());
  }

  /** A spend left the mempool. Unless it was confirmed, by a block about to be read, our claim is broadcast again at once. */
  private async gone(): Promise<void> {
    const { chain, follower } = this.parts;
    const tip = await chain.tip().catch(() => undefined);
    if (tip?.hash === follower.top.hash) this.engine.checkUrgentSoon();
  }

  /** Broadcasts claims that have a deadline again, and looks for conflicting transactions. */
  private async retryUrgent(): Promise<void> {
    this.engine.checkUrgentSoon();
    await this.engine.settled();
    await this.mempool.poll();
  }

  /** Stops; resolves once nothing is running. */
  async stop(): Promise<void> {
    this.stopTimer();
    await this.mempool.stop();
    await this.engine.stop();
  }

  /** Resolves once every claim that is due was processed. */
  settled(): Promise<void> {
    return this.engine.settled();
  }

  /** A block was connected or disconnected: processes claims and the mempool, once every channel has handled the block. */
  async block(): Promise<void> {
    const { channels, gate } = this.parts;
    await channels.settled();
    await gate.allSaved();
    this.engine.checkSoon();
    await this.mempool.poll();
  }

  /** Replaces the claims of a channel. The state that they follow from is durable before anything is published. */
  claims({ key }: Entry, { claims }: EffectOf<'claims'>): void {
    const { gate, wallet } = this.parts;
    const ours = claims.filter(
      (claim) => claim.kind === 'ready' || claim.unlock.by !== 'wallet' || wallet.owns(claim.unlock.script),
    );
    gate.afterSaved(() => this.engine.setClaims(key, ours));
  }

  /** The least amount, sat, that the wallet lacks for a claim to be published; undefined where none waits for coins. */
  missingForClaims(): Sat | undefined {
    const missing = [...this.parts.channels.entries.keys()].flatMap((key) =>
      this.engine
        .claimsWithStatus(key)
        .flatMap(({ status }) => (status?.state === 'short_of_coins' ? [status.missing] : [])),
    );
    return missing.reduce<Sat | undefined>(
      (least, one) => (least === undefined || one < least ? one : least),
      undefined,
    );
  }

  /** The status of each of a channel's claims, the most urgent first. */
  claimsWithStatus(key: string): readonly ClaimWithStatus[] {
    return this.engine.claimsWithStatus(key);
  }

  /** The watched outputs of a channel, in the order in which the channel named them. */
  outputsOf(key: string): readonly WatchedOutput[] {
    return [...(this.outputs.get(key)?.values() ?? [])];
  }

  private output(key: string, { txid: hash, index }: Outpoint): WatchedOutput | undefined {
    return this.outputs.get(key)?.get(outpointKey(hash, index));
  }

  private note(key: string, output: WatchedOutput): void {
    const { txid: hash, index } = output.outpoint;
    const outputs = this.outputs.get(key) ?? new Map<string, WatchedOutput>();
    this.outputs.set(key, outputs.set(outpointKey(hash, index), output));
  }

  /** Watches the spends of these outputs. */
  async watch(entry: Entry, { outpoints, since }: EffectOf<'watch_outputs'>): Promise<void> {
    const { watcher, follower } = this.parts;
    const { key } = entry;
    const funding = coreOf(entry.machine.state)?.funding;
    // The funding output of a channel with outputs to watch was spent in a block.
    if (funding !== undefined) this.mempool.setMined(key, { txid: funding.txid, vout: funding.index }, true);
    for (const outpoint of outpoints) this.note(key, { ...this.output(key, outpoint), outpoint });
    this.mempool.watch(
      key,
      outpoints.map(({ txid: hash, index }) => ({ txid: hash, vout: index })),
    );
    const watches = outpoints.map(
      (outpoint): Watch => ({
        ...{ wait: 'spend', id: idOf(key, outpoint), since },
        outpoint: { txid: outpoint.txid, vout: outpoint.index },
      }),
    );
    await watcher.watchAll(watches, follower);
  }

  /** Watches the mempool for a spend of the funding output. */
  watchMempool({ key }: Entry, { outpoint: { txid: hash, index } }: EffectOf<'watch_mempool'>): void {
    this.mempool.watch(key, [{ txid: hash, vout: index }]);
    this.mempool.setMined(key, { txid: hash, vout: index }, false);
  }

  /** Handles a notice about an output of a channel; false where it is about something else. */
  notice(notice: Notice): boolean {
    const subject = subjectOf(notice);
    if (subject === undefined) return false;
    const { key, outpoint } = subject;
    const entry = this.parts.channels.entries.get(key);
    if (entry === undefined) return true;
    this.mempool.setMined(key, { txid: outpoint.txid, vout: outpoint.index }, notice.notice === 'spent');
    if (notice.notice === 'spent') this.spent(entry, outpoint, notice.at);
    else this.unspent(entry, outpoint);
    return true;
  }

  private spent(entry: Entry, outpoint: Outpoint, { tx, height }: { tx: Uint8Array; height: number }): void {
    const { key } = entry;
    const parsed = Transaction.fromBuffer(tx);
    const spend = { txid: parsed.getId(), height, ours: this.engine.isOurs(key, outpoint, parsed) };
    const known = this.output(key, outpoint)?.spend;
    if (known?.txid !== spend.txid || known.height !== height) {
      const fields = { ...logFields(entry), output: outpointText(outpoint), txid: spend.txid, height };
      this.parts.log.info(
        fields,
        spend.ours ? 'our claim is confirmed' : 'another transaction spent an output of the channel',
      );
    }
    this.note(key, { outpoint, spend });
    entry.machine.push({ type: 'output_spent', outpoint, tx, height });
  }

  private unspent(entry: Entry, outpoint: Outpoint): void {
    if (this.output(entry.key, outpoint)?.spend !== undefined)
      this.parts.log.warn(
        { ...logFields(entry), output: outpointText(outpoint) },
        'a reorg removed the spend of a channel output from the chain; the node waits for it again',
      );
    this.note(entry.key, { outpoint });
    entry.machine.push({ type: 'output_unspent', outpoint });
  }

  private inMempool(key: string, outpoint: Outpoint, tx: Transaction): void {
    const entry = this.parts.channels.entries.get(key);
    const phase = entry?.machine.state.phase;
    if (entry === undefined || (phase !== 'failed' && phase !== 'onchain')) return;
    const watched = this.output(key, outpoint) !== undefined;
    if (watched && !this.engine.isOurs(key, outpoint, tx)) {
      const fields = { ...logFields(entry), output: outpointText(outpoint), txid: tx.getId() };
      this.parts.log.info(fields, 'a transaction in the mempool spends an output of the channel');
    }
    entry.machine.push({ type: 'output_spent', outpoint, tx: new Uint8Array(tx.toBuffer()), height: undefined });
  }

  /** Finds the HTLCs of a revoked commitment of the peer. Throws StoreError or WireError. */
  async loadPast({ key, machine }: Entry, { number }: EffectOf<'load_past'>): Promise<void> {
    const { gate, store } = this.parts;
    // Records that were just saved can be read only once they are written.
    await gate.allSaved();
    const htlcs: PastHtlc[] = [];
    // One at a time: there is one for each HTLC that the channel ever had, and a commitment has few of them.
    for await (const record of within(store, `${CHANNELS}${key}/`).entries(PAST_PREFIX))
      htlcs.push(...pastAt(new Map([record]), number));
    machine.push({ type: 'past_loaded', htlcs });
  }

  /** The channel is closed for good: none of its outputs is watched any more. */
  closed({ key }: Entry): void {
    const { gate, watcher, follower, fatal } = this.parts;
    const ids = this.outputsOf(key).map(({ outpoint }) => idOf(key, outpoint));
    this.outputs.delete(key);
    this.mempool.forget(key);
    gate.afterSaved(() => {
      this.engine.forget(key).catch(fatal);
      follower.exclusive(() => watcher.unwatch(ids)).catch(fatal);
    });
  }
}
