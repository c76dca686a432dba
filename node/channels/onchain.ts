/**
 * Channels that are on chain, or about to be: their outputs are watched, in blocks and in the mempool, their old HTLCs looked
 * up, and what they claim is handed to the claim engine. What is a channel's is decided by the channel.
 */
import { Transaction } from 'bitcoinjs-lib';
import { claimWitness } from '../../channel/claims/witness.ts';
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

/** Where the records of channels begin, each under its key. */
export const CHANNELS = 'channel/';
/** How the names of their watches begin. */
export const OUTPUT = 'output';

/** An output of a channel that the chain is asked about, and the transaction of the best chain that spends it. */
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
  /** The store failed, or there is a bug: nothing may go on. */
  readonly fatal: (error: unknown) => void;
}

const idOf = (key: string, { txid: hash, index }: Outpoint): string => `${OUTPUT}/${key}/${outpointKey(hash, index)}`;

/** The channel's key and the outpoint of a notice about one of its outputs; undefined for other notices. */
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

  /** What is kept about claims. Nothing is done before `start`. Throws StoreError. */
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
      // What is left of an opening that came to nothing a moment ago is worth nothing.
      stake: (channel) => sat(channels.entries.has(channel) ? stakeOf(stateOf(channel).core) : 0n),
    });
    return new Onchain(parts, engine);
  }

  /** Begins, once every channel has said after a restart what it wants. Throws StoreError. */
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

  /** A spend is in the mempool no more. Unless a block has it that we are about to read, ours goes there again at once. */
  private async gone(): Promise<void> {
    const { chain, follower } = this.parts;
    const tip = await chain.tip().catch(() => undefined);
    if (tip?.hash === follower.top.hash) this.engine.checkUrgentSoon();
  }

  /** Gives the network once more what is claimed by a deadline, and looks who was there instead. */
  private async retryUrgent(): Promise<void> {
    this.engine.checkUrgentSoon();
    await this.engine.settled();
    await this.mempool.poll();
  }

  /** Ends; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.stopTimer();
    await this.mempool.stop();
    await this.engine.stop();
  }

  /** Resolves once every claim that is due has been looked at. */
  settled(): Promise<void> {
    return this.engine.settled();
  }

  /** A block came or went: once every channel has taken note, claims and mempool are looked at. */
  async block(): Promise<void> {
    const { channels, gate } = this.parts;
    await channels.settled();
    await gate.allSaved();
    this.engine.checkSoon();
    await this.mempool.poll();
  }

  /** All that the channel wants from the chain from now on. What it follows from is durable before anybody sees it. */
  claims({ key }: Entry, { claims }: EffectOf<'claims'>): void {
    const { gate, wallet } = this.parts;
    const ours = claims.filter(
      (claim) => claim.kind === 'ready' || claim.unlock.by !== 'wallet' || wallet.owns(claim.unlock.script),
    );
    gate.afterSaved(() => this.engine.setClaims(key, ours));
  }

  /** Satoshi that claims wait for in the wallet to be published at all, the least of them; undefined while none waits. */
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

  /** Where each of a channel's claims stands, the most urgent first. */
  claimsWithStatus(key: string): readonly ClaimWithStatus[] {
    return this.engine.claimsWithStatus(key);
  }

  /** The outputs of a channel that the chain is asked about, in the order in which the channel named them. */
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

  /** Has the chain tell who spends these outputs. */
  async watch(entry: Entry, { outpoints, since }: EffectOf<'watch_outputs'>): Promise<void> {
    const { watcher, follower } = this.parts;
    const { key } = entry;
    const funding = coreOf(entry.machine.state)?.funding;
    // A channel with outputs to watch has its funding output spent in a block.
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

  /** Has the mempool tell who spends the funding output. */
  watchMempool({ key }: Entry, { outpoint: { txid: hash, index } }: EffectOf<'watch_mempool'>): void {
    this.mempool.watch(key, [{ txid: hash, vout: index }]);
    this.mempool.setMined(key, { txid: hash, vout: index }, false);
  }

  /** What the chain says about an output of a channel; false when the notice is about something else. */
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
        spend.ours ? 'our claim is confirmed' : 'an output of the channel was spent by others',
      );
    }
    this.note(key, { outpoint, spend });
    entry.machine.push({ type: 'output_spent', outpoint, tx, height });
  }

  private unspent(entry: Entry, outpoint: Outpoint): void {
    if (this.output(entry.key, outpoint)?.spend !== undefined)
      this.parts.log.warn(
        { ...logFields(entry), output: outpointText(outpoint) },
        'a reorg took the spend of an output out of the chain; it is waited for anew',
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
      this.parts.log.info(fields, 'somebody spends an output of the channel; no block has it yet');
    }
    entry.machine.push({ type: 'output_spent', outpoint, tx: new Uint8Array(tx.toBuffer()), height: undefined });
  }

  /** Finds the HTLCs that stood in an old commitment of the peer's. Throws StoreError or WireError. */
  async loadPast({ key, machine }: Entry, { number }: EffectOf<'load_past'>): Promise<void> {
    const { gate, store } = this.parts;
    // What was kept a moment ago cannot be read before it is written.
    await gate.allSaved();
    const htlcs: PastHtlc[] = [];
    // One by one: there may be as many as the channel has had payments, and few of them stood in one commitment.
    for await (const record of within(store, `${CHANNELS}${key}/`).entries(PAST_PREFIX))
      htlcs.push(...pastAt(new Map([record]), number));
    machine.push({ type: 'past_loaded', htlcs });
  }

  /** The channel is over and done: nothing of it is watched or remembered any more. */
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
