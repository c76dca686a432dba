/**
 * Three nodes in a line, and everything between and below them: wires, disks, time, a chain. Nothing happens by itself; each
 * method is one thing that may happen, and leaves the nodes with nothing to do but wait for the next. Same moves, same run.
 */
import { Transaction } from 'bitcoinjs-lib';
import { restore } from '../../channel/model/persist.ts';
import type { ChannelState } from '../../channel/model/state.ts';
import { CHANNELS } from '../../node/channels/onchain.ts';
import type { Node } from '../../node/core/node.ts';
import { hex } from '../../wire/bytes.ts';
import { decodeMessage } from '../../wire/message.ts';
import type { Ledger, MineOptions } from './ledger.ts';
import { addressOf, names } from './names.ts';
import { Observations } from './observations.ts';
import type { Asked } from './openings.ts';
import { Site, type Surroundings } from './site.ts';
import { messagesOf } from './stubs/plaintransport.ts';
import { Time } from './time.ts';
import { Wires } from './wires.ts';

/** Where a world begins. */
export interface Beginning {
  readonly ledger: Ledger;
  readonly disks: readonly ReadonlyMap<string, Uint8Array>[];
  readonly now: number;
}

/** What holds for a whole run. */
export interface Ground {
  readonly anchors: boolean;
  /** See World. */
  readonly faulty: number | undefined;
}

/** Satoshi per 1,000 weight at which pools are full. */
const DEAR = 3000;

/** A line of what happened, for whoever looks into a run that failed. */
const traced = process.env['AMPERE_MODEL_TRACE'] !== undefined;

const plainFields = (fields: object): string =>
  JSON.stringify(fields, (_, value) =>
    typeof value === 'bigint' ? String(value) : value instanceof Error ? (value.stack ?? value.message) : value,
  );

const tellsPreimage = (chunk: Uint8Array): boolean =>
  messagesOf(chunk).some((raw) => raw.length !== 33 && decodeMessage(raw).name === 'update_fulfill_htlc');

/** A machine with much to do lets others have their turn after every few steps (node/base/machine.ts). */
const TURNS = 10;

export class World {
  readonly sites: readonly Site[];
  readonly wires = new Wires(names.length);
  readonly time = new Time();
  readonly ledger: Ledger;
  /** What every node's chain estimates, sat per 1,000 weight. */
  feerate = 1000;
  /** The highest of the run. */
  highestFeerate = 1000;
  /** Whether the chain stays as dear as it is for longer than anybody waits for it. */
  staysHigh = false;
  readonly observed = new Observations();
  /** Height at which the run began: nothing below is ever undone. */
  readonly first: number;
  /** A node that cares for nobody's money, its own included, and perhaps steals: what becomes of it does not matter. */
  readonly faulty: number | undefined;
  /** Links over which nobody speaks any more. */
  readonly severed = new Set<number>();
  /** Links over which the faulty node once did not respond, or proposed dishonest closing fees. */
  readonly unresponsiveLinks = new Set<number>();
  /** Blocks before which the mempool forgets what takes HTLCs. */
  cycles = 0;
  /** Nodes whose chain does not answer. */
  readonly withoutChain = new Set<number>();
  /** Channels that were asked for. */
  readonly openings: Asked[] = [];
  /** Whether something happened that may lead any channel to the chain. */
  mayForceClose = false;
  /** What the faulty node had on its disk at some moments. */
  readonly backups: ReadonlyMap<string, Uint8Array>[] = [];
  /** How much of what nodes can stand they have had: blocks missed in a row, empty ones in a row, height of the last loss. */
  readonly strain = { slept: names.map(() => 0), empty: 0, undone: 0 };
  /** What must never be. */
  readonly violations: string[] = [];
  private readonly anchors: boolean;
  private readonly tells: boolean;
  /** Everything, where a trace is asked for. */
  readonly traceLines: string[] = [];
  /** Warnings and errors that nodes logged. */
  readonly lines: string[] = [];
  /** Who first gave each transaction to the chain, by txid. */
  readonly senders = new Map<string, number>();

  constructor(base: Beginning, { anchors, faulty }: Ground, tells = traced) {
    this.anchors = anchors;
    this.faulty = faulty;
    this.tells = tells;
    this.ledger = base.ledger.copy();
    this.time.now = base.now;
    this.first = this.ledger.tip.height;
    const around: Surroundings = {
      ledger: this.ledger,
      time: this.time,
      wires: this.wires,
      feerate: () => this.feerate,
      sleeps: (node) => this.isUnresponsive(node),
      withoutChain: (node) => this.withoutChain.has(node),
      said: (node, level, fields, message) => {
        if (level === 'debug' && !this.tells) return;
        const line = `${node} ${level}: ${message} ${plainFields(fields)}`;
        this.trace(line);
        if (level === 'warn' || level === 'error') this.lines.push(line);
        if (/internal error|could not be processed|no longer readable/.test(message)) this.violations.push(line);
      },
      sent: (node, raw, refused) => {
        const id = hex(Transaction.fromBuffer(raw).getHash());
        this.trace(`${names[node]} publishes ${id.slice(0, 8)} ${refused ?? ''}`);
        if (refused === undefined && !this.senders.has(id)) this.senders.set(id, node);
      },
      written: (node, change) => {
        if (this.isThief(node)) return;
        this.observed.written(node, change, { honest: this.isHonest(node), height: this.ledger.tip.height });
      },
      broke: (node, error) =>
        this.violations.push(
          `${node} broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        ),
    };
    this.sites = names.map((_, place) => new Site(place, around, base.disks[place] ?? new Map()));
  }

  trace(line: string): void {
    if (this.tells) this.traceLines.push(line);
  }

  /** Lets everything run that waits for nothing outside, in as many turns of the event loop as that may take. */
  async drain(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise(setImmediate);
  }

  site(place: number): Site {
    const site = this.sites[place];
    if (site === undefined) throw new RangeError(`no node ${place}`);
    return site;
  }

  /** Whether a node may be trusted to look after its money. */
  isHonest(place: number): boolean {
    return place !== this.faulty;
  }

  /** The chain becomes dearer or cheaper. Miners follow only where every channel has anchors to add a fee to. */
  price(feerate: number): void {
    this.feerate = feerate;
    this.highestFeerate = Math.max(this.highestFeerate, feerate);
    this.ledger.demand = this.anchors ? Math.floor(feerate / 2) : 0;
    this.ledger.minimum = this.anchors && feerate > DEAR ? 1000 : 0;
  }

  /** Whether a node does nothing by itself: it does not respond (unresponsive.ts) or negotiates fees dishonestly (closingfees.ts). */
  isUnresponsive(place: number): boolean {
    return place === this.faulty && (this.wires.mutings.size > 0 || this.wires.alter !== undefined);
  }

  /** The chain becomes dearer, and stays so for days; `relayed`: what pays less still waits for a block. */
  raise(feerate: number, relayed: boolean): void {
    if (!this.anchors) return;
    this.price(feerate);
    this.staysHigh = true;
    this.ledger.demand = Math.floor((feerate * 3) / 4);
    this.ledger.minimum = relayed ? 0 : this.ledger.demand;
  }

  isThief(place: number): boolean {
    return place === this.faulty && this.severed.size > 0;
  }

  /** Remembers what the faulty node could go back to. */
  backUp(): void {
    if (this.faulty !== undefined && this.severed.size === 0)
      this.backups.push(new Map(this.site(this.faulty).disk.durable));
  }

  /** The faulty node goes back to an old backup, speaks with nobody, and takes to the chain what it had then. */
  async publishRevoked(which: number): Promise<void> {
    const { faulty, backups } = this;
    const rich = backups.filter((records) => [...records.keys()].some((key) => /^channel\/.*\/htlc\//.test(key)));
    // Mostly there was something under way; a rich thief may have to wait for its HTLCs.
    const worth = which % 4 > 0 && rich.length > 0 ? rich : backups;
    const backup = worth[which % Math.max(1, worth.length)];
    if (faulty === undefined || backup === undefined || this.severed.size > 0) return;
    await this.kill(faulty, true);
    for (const link of [faulty - 1, faulty]) if (this.wires.links[link] !== undefined) this.severed.add(link);
    for (const link of this.severed) await this.cut(link);
    this.site(faulty).disk.restore(backup);
    await this.start(faulty);
    while (this.node(faulty) === undefined && this.site(faulty).disk.pending > 0) await this.flush(faulty, 1);
    const { entries } = this.node(faulty)?.channels ?? {};
    for (const entry of entries?.values() ?? []) entry.machine.push({ type: 'force_close' });
    await this.drain();
  }

  /** A node that runs and has come up. */
  node(place: number): Node | undefined {
    return this.site(place).node;
  }

  /** What a node that has come up knows of a channel; of one that is over, what its disk has. */
  channel(place: number, key: string): ChannelState | undefined {
    const node = this.node(place);
    if (node === undefined) return undefined;
    const entry = node.channels.entries.get(key);
    if (entry !== undefined) return entry.machine.state;
    const prefix = `${CHANNELS}${key}/`;
    const kept = [...this.site(place).disk.durable].filter(([one]) => one.startsWith(prefix));
    return kept.length === 0
      ? undefined
      : restore(new Map(kept.map(([one, value]) => [one.slice(prefix.length), value])));
  }

  /** Starts a node from its disk, as far as it gets without a write. */
  async start(place: number): Promise<void> {
    if (!this.site(place).isDown) return;
    this.site(place).start();
    await this.drain();
  }

  /** Ends a node's process; `torn` of its commits still become durable. */
  async kill(place: number, lose: boolean, torn = 0): Promise<void> {
    // Nobody is there to see what it leads to, so nothing runs between the writes and the end.
    this.site(place).disk.tear(torn);
    this.site(place).kill(lose);
    await this.drain();
  }

  /** Writes a node's oldest commits. */
  async flush(place: number, count: number): Promise<void> {
    this.site(place).disk.flush(count);
    await this.drain();
  }

  async deliver(link: number, side: 0 | 1, count: number): Promise<void> {
    if (this.tells)
      for (const chunk of this.wires.waiting(link, side).slice(0, count))
        for (const message of messagesOf(chunk))
          if (message.length !== 33)
            this.trace(`${names[link + side]} -> ${names[link + 1 - side]} ${decodeMessage(message).name}`);
    this.wires.deliver(link, side, count);
    await this.drain();
  }

  async cut(link: number): Promise<void> {
    const wire = this.wires.links[link];
    if (wire !== undefined) wire.up = false;
    this.wires.cut(link);
    await this.drain();
  }

  isJoined(link: number): boolean {
    const [left, right] = [this.node(link), this.node(link + 1)];
    if (left === undefined || right === undefined) return false;
    const peers = [left.peers.get(right.keys.nodeId), right.peers.get(left.keys.nodeId)];
    return peers.every((peer) => peer !== undefined && !peer.closed);
  }

  /** The left node of a link calls the right one; both say `init`. */
  async join(link: number): Promise<void> {
    const wire = this.wires.links[link];
    if (wire === undefined || this.severed.has(link)) return;
    const [left, right] = [this.node(link), this.node(link + 1)];
    if (left === undefined || right === undefined || this.isJoined(link)) return;
    this.wires.cut(link);
    await this.drain();
    wire.up = true;
    left.peers.connect(right.keys.nodeId, addressOf(link + 1)).catch((error: unknown) => {
      this.trace(`not joined: ${String(error)}`);
    });
    await this.drain();
    // The caller's name and `init`.
    await this.deliver(link, 0, 1);
    await this.deliver(link, 1, 1);
    await this.deliver(link, 0, 1);
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (const run of this.time.pass(ms)) {
      run();
      await this.drain();
    }
  }

  async mine(options: MineOptions = {}): Promise<void> {
    this.ledger.mine(options);
    await this.drain();
  }

  async drop(count: number, forgotten: boolean): Promise<void> {
    this.ledger.drop(count, forgotten);
    await this.drain();
  }

  /** Whether something would come of `settle`. */
  get isBusy(): boolean {
    const wires = this.wires.links.some((_, link) =>
      ([0, 1] as const).some((side) => this.wires.waiting(link, side).length > 0),
    );
    return wires || this.sites.some(({ disk }) => disk.pending > 0);
  }

  /** Writes and delivers until nobody has anything to say. */
  async settle(): Promise<void> {
    for (let round = 0; this.isBusy; round++) {
      if (round > 10_000) throw new Error('the nodes do not come to rest');
      for (const { place, disk } of this.sites) if (disk.pending > 0) await this.flush(place, disk.pending);
      for (const link of this.wires.links.keys())
        for (const side of [0, 1] as const)
          if (this.wires.waiting(link, side).length > 0) await this.deliver(link, side, 1000);
    }
  }

  /**
   * Delivers on one link only, chunk by chunk from either side in turn, and lets every disk write before each. Where `withoutPreimages`, it
   * ends before a preimage is told.
   */
  async alone(link: number, steps: number, withoutPreimages: boolean): Promise<void> {
    for (let step = 0; step < steps; step++) {
      for (const { place, disk } of this.sites) await this.flush(place, disk.pending);
      const sides = [(step % 2) as 0 | 1, (1 - (step % 2)) as 0 | 1];
      const ready = sides.flatMap((side) =>
        this.wires
          .waiting(link, side)
          .slice(0, 1)
          .map((chunk) => ({ side, chunk })),
      );
      const next = ready.find(({ chunk }) => !(withoutPreimages && tellsPreimage(chunk)));
      if (next === undefined) return;
      await this.deliver(link, next.side, 1);
    }
  }

  /** Ends every process. */
  async end(): Promise<void> {
    for (const site of this.sites) site.kill(true);
    await this.drain();
  }
}
