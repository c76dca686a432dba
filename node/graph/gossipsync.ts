/**
 * Whom the node asks for gossip, and for what (BOLT 7, "Initial Sync", "Query Messages"). One peer at a time is asked for the list of
 * its channels, with timestamps and checksums where it offers `gossip_queries_ex`, and then for those alone that are new here: so a node
 * that was away transfers only what changed. A peer that stalls or answers wrongly is replaced by the next. Two peers an hour are
 * asked for their lists; a few others send new gossip as it comes, and the rest send none.
 *
 * In a small network, where one peer may know what another does not, everybody is asked and sends everything: it costs a message.
 */
import type { MessageOf } from '../../wire/message.ts';
import type { ChainHash, Point, ShortChannelId } from '../../wire/units.ts';
import type { Log } from '../ports/ports.ts';
import { type Graph, type NodeKey, nodeKey } from './graph.ts';
import { MAX_SECONDS, RangeAnswer } from './rangeanswer.ts';
import { inOrder, type SyncPeer } from './syncpeer.ts';
import { UnknownChannels } from './unknownchannels.ts';
import { newestTimestamp, Wanted, Wants } from './wanted.ts';

/** A network of at most so many channels counts as small. */
export const SMALL = 1_000;
/** Peers that are asked for their list in `RENEW_SECONDS`, and seconds after which others are. */
export const LISTS = 2;
export const RENEW_SECONDS = 3_600;
/** Peers that are asked to send new gossip as it comes. */
export const NEWS = 5;
/** Channels that one query asks for. */
export const BATCH = 500;
/** Seconds without a message of an answer after which another peer is asked. */
export const STALL_SECONDS = 30;
/** Seconds for which a peer that stalled or answered wrongly is not asked. */
const POOR_SECONDS = 3_600;
/** Gossip may be so many seconds old when it reaches a peer. */
const LATE_SECONDS = 600;
/** The same for what was announced while this node was not running. */
const AWAY_SECONDS = 24 * 3_600;
/** A peer that lists ids alone is asked for its unknown channels by id where they are at most this share of its list. */
const MOST_MISSING = 0.1;
const EVER = 0xffff_ffff;

export interface GossipSyncParts {
  readonly graph: Graph;
  readonly chainHash: ChainHash;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
  /** Whether the chain was read to its tip: before that, channels seem too young. */
  readonly isSynced: () => boolean;
  readonly isTooYoung: (scid: ShortChannelId) => boolean;
  /** Channels up to which a network is small. */
  readonly small?: number;
}

interface Known {
  readonly peer: SyncPeer;
  /** Whether it was asked to send gossip as it comes. */
  hasFilter: boolean;
  /** When it was asked for its list. */
  askedAt: number;
  /** It is not asked again before this time. */
  poorUntil: number;
}

/** A peer that is being asked. */
interface Asking {
  readonly known: Known;
  readonly startedAt: number;
  /** When it last sent a part of an answer. */
  heardAt: number;
  /** The answer to `query_channel_range` so far; undefined once it is complete. */
  range: RangeAnswer | undefined;
  wanted: Wanted;
  /** How many of the wanted ids were asked for. */
  next: number;
  /** Announcements that came since the last query. */
  got: number;
  /** Which kind of ids is asked for now. */
  part: 'channels' | 'nodes' | 'unknown';
}

export class GossipSync {
  private readonly parts: GossipSyncParts;
  readonly wants: Wants;
  private readonly peers = new Map<NodeKey, Known>();
  /** Peers that wait for their turn to be asked. */
  private waiting = new Set<Known>();
  private asking: Asking | undefined;
  /** When complete lists were received. */
  private lists: number[] = [];
  /** New gossip is asked for from this time on; a list contained what is older. */
  private newsSince = 0;
  private readonly unknown = new UnknownChannels();
  private roundAt: number;

  constructor(parts: GossipSyncParts) {
    this.parts = parts;
    this.wants = new Wants(parts.graph, parts.now);
    this.roundAt = parts.now();
  }

  /** A peer that offers `gossip_queries` connected. */
  connected(peer: SyncPeer): void {
    const known: Known = { peer, hasFilter: false, askedAt: 0, poorUntil: 0 };
    this.forget(peer.id);
    this.peers.set(nodeKey(peer.id), known);
    this.waiting.add(known);
    this.proceed();
  }

  /** A peer disconnected: another one takes its place. */
  forget(id: Point): void {
    const known = this.peers.get(nodeKey(id));
    if (known === undefined) return;
    this.peers.delete(nodeKey(id));
    this.waiting.delete(known);
    this.unknown.forget(nodeKey(id));
    if (this.asking?.known === known) this.asking = undefined;
    if (this.lists.length > 0) this.askForNews();
    this.proceed();
  }

  /** Called once a second: a peer that stalls is replaced, and others are asked after a while. */
  tick(): void {
    const now = this.parts.now();
    const { asking } = this;
    if (asking !== undefined && now - asking.heardAt >= STALL_SECONDS) this.replace(asking, 'does not answer');
    else if (asking !== undefined && now - asking.startedAt >= MAX_SECONDS) this.replace(asking, 'does not finish');
    if (now - this.roundAt >= RENEW_SECONDS) {
      this.roundAt = now;
      for (const known of [...this.peers.values()].sort((a, b) => a.askedAt - b.askedAt)) this.waiting.add(known);
    }
    this.proceed();
  }

  /** An announcement of a peer arrived, or was handled: it does not stall. */
  heard(id: Point, arrived: boolean): void {
    const asking = this.askingOf(id);
    if (asking === undefined) return;
    asking.heardAt = this.parts.now();
    if (arrived) asking.got++;
  }

  /** A channel_update came for a channel that is not known here: its peer is asked for the channel (BOLT 7, `query_short_channel_ids`). */
  unknownChannel(id: Point, scid: ShortChannelId, timestamp: number): void {
    const key = nodeKey(id);
    if (!this.peers.has(key) || this.lists.length === 0 || this.askingOf(id) !== undefined) return;
    if (this.wants.isZombie(key, scid, timestamp) || this.parts.isTooYoung(scid)) return;
    this.unknown.add(scid, key, this.parts.now());
  }

  /** Takes a peer's `reply_channel_range`; one that nobody asked for is passed over. Returns what is wrong with it, for a warning. */
  rangeReply(id: Point, reply: MessageOf<'reply_channel_range'>): string | undefined {
    const asking = this.askingOf(id);
    if (asking?.range === undefined) return undefined;
    asking.heardAt = this.parts.now();
    const step = asking.range.take(reply);
    if (typeof step === 'object') {
      this.replace(asking, `sent a wrong reply_channel_range: ${step.fault}`);
      this.proceed();
      return `reply_channel_range: ${step.fault}`;
    }
    this.wants.compare(nodeKey(id), reply, asking.wanted);
    if (step === 'done') this.listed(asking, asking.range);
    this.proceed();
    return undefined;
  }

  /** Takes a peer's `reply_short_channel_ids_end`; `handled` resolves once all it sent before is handled. */
  async idsEnd(id: Point, handled: Promise<void>): Promise<void> {
    const asking = this.askingOf(id);
    if (asking === undefined || asking.range !== undefined || asking.next === 0) return;
    asking.heardAt = this.parts.now();
    if (asking.next < asking.wanted.length) {
      if (asking.got > 0) this.ask(asking);
      else this.replace(asking, 'sends nothing of what it listed');
      this.proceed();
    } else {
      // What is still missing is not known before that.
      await handled;
      if (this.asking === asking) this.whole(asking);
      this.proceed();
    }
  }

  private askingOf(id: Point): Asking | undefined {
    return this.asking !== undefined && this.asking.known === this.peers.get(nodeKey(id)) ? this.asking : undefined;
  }

  private isSmall(channels: number): boolean {
    return channels <= (this.parts.small ?? SMALL);
  }

  /** Begins with the next peer, if none is being asked. */
  private proceed(): void {
    while (this.asking === undefined && this.parts.isSynced()) {
      const known = this.nextPeer();
      if (known === undefined) break;
      this.waiting.delete(known);
      if (this.isEnough()) this.askForNews();
      else this.begin(known);
    }
    if (this.asking === undefined && this.waiting.size === 0) this.askForUnknown();
  }

  private nextPeer(): Known | undefined {
    const now = this.parts.now();
    const fit = [...this.waiting].filter(({ poorUntil }) => poorUntil <= now);
    return fit.sort(inOrder)[0];
  }

  private isEnough(): boolean {
    const now = this.parts.now();
    this.lists = this.lists.filter((at) => at > now - RENEW_SECONDS);
    return this.lists.length >= LISTS && !this.isSmall(this.parts.graph.size.channels);
  }

  private begin(known: Known): void {
    const query: MessageOf<'query_channel_range'> = {
      name: 'query_channel_range',
      chain_hash: this.parts.chainHash,
      first_blocknum: 0,
      number_of_blocks: EVER,
      // Timestamps and checksums.
      ...(known.peer.extended && { query_option: 3n }),
    };
    const now = this.parts.now();
    known.askedAt = now;
    const range = new RangeAnswer(query);
    this.asking = {
      ...{ known, range, wanted: new Wanted() },
      ...{ startedAt: now, heardAt: now, next: 0, got: 0, part: 'channels' },
    };
    known.peer.send(query);
  }

  /** The list of a peer is complete: decides what it is asked for. */
  private listed(asking: Asking, { listed }: RangeAnswer): void {
    const { known, wanted } = asking;
    const { log, now, graph } = this.parts;
    asking.range = undefined;
    log.debug(
      { peer: nodeKey(known.peer.id).slice(0, 16), listed, wanted: wanted.length },
      'a peer listed its channels; asking for those that are new',
    );
    // A peer without gossip_queries_ex that has much more sends everything faster than it could be asked for.
    const all = !known.peer.extended && wanted.length > listed * MOST_MISSING;
    if (all || (this.isSmall(listed) && !known.hasFilter)) {
      this.filter(known, 0);
      this.whole(asking);
      return;
    }
    if (!known.hasFilter) {
      // A peer that cannot say what changed sends everything since this node was last running.
      const since = known.peer.extended ? now() - LATE_SECONDS : newestTimestamp(graph, now()) - AWAY_SECONDS;
      this.filter(known, Math.max(0, since));
    }
    if (wanted.length > 0) this.ask(asking);
    else this.whole(asking);
  }

  private ask(asking: Asking): void {
    const { known, wanted } = asking;
    const { ids, flags } = wanted.slice(asking.next, asking.next + BATCH);
    asking.next += ids.length;
    asking.got = 0;
    known.peer.send({
      name: 'query_short_channel_ids',
      chain_hash: this.parts.chainHash,
      encoded_short_ids: ids,
      ...(known.peer.extended && { query_flags: flags }),
    });
  }

  /** Everything that was asked for was received, or the peer does not have it. */
  private whole(asking: Asking): void {
    const { known, wanted, part } = asking;
    const wasAsked = asking.next > 0;
    if (part !== 'nodes' && wasAsked) this.wants.asked(nodeKey(known.peer.id), wanted, this.parts.isTooYoung);
    if (part === 'unknown') {
      this.asking = undefined;
      return;
    }
    const nodes = part === 'channels' && known.peer.extended && wasAsked ? this.wants.nodes() : undefined;
    if (nodes !== undefined && nodes.length > 0) {
      Object.assign(asking, { wanted: nodes, next: 0, part: 'nodes' } satisfies Partial<Asking>);
      this.ask(asking);
      return;
    }
    this.asking = undefined;
    this.lists.push(this.parts.now());
    this.newsSince = asking.startedAt - LATE_SECONDS;
    this.askForNews();
  }

  /** Gives up on a peer, and asks the next one. */
  private replace({ known }: Asking, why: string): void {
    const { log, now } = this.parts;
    this.asking = undefined;
    known.poorUntil = now() + POOR_SECONDS;
    log.debug(
      { peer: nodeKey(known.peer.id).slice(0, 16), why },
      'a peer is of no use for catching up with gossip; the next one is asked',
    );
    // Where there is no other peer, this one may still send gossip that it does not list.
    if (this.lists.length === 0 && this.waiting.size === 0 && !known.hasFilter) this.filter(known, 0);
  }

  /** Asks a few peers to send new gossip as it comes, of those that do not wait to be asked for their list. */
  private askForNews(): void {
    let asked = 0;
    for (const known of this.peers.values()) if (known.hasFilter) asked++;
    for (const known of [...this.peers.values()].sort(inOrder)) {
      if (known.hasFilter || this.waiting.has(known)) continue;
      if (asked++ >= NEWS) return;
      this.filter(known, Math.max(0, this.newsSince));
    }
  }

  /** Asks a peer for the unknown channels of which updates came, once there are some. */
  private askForUnknown(): void {
    const now = this.parts.now();
    const due = this.unknown.take(now);
    const known = due && this.peers.get(due.from);
    const wanted = new Wanted();
    for (const scid of due?.ids ?? []) if (this.parts.graph.channel(scid) === undefined) wanted.add(scid, 0x1f, now);
    if (known === undefined || wanted.length === 0) return;
    this.asking = {
      ...{ known, range: undefined, wanted },
      ...{ startedAt: now, heardAt: now, next: 0, got: 0, part: 'unknown' },
    };
    this.ask(this.asking);
  }

  private filter(known: Known, first_timestamp: number): void {
    known.hasFilter = true;
    known.peer.send({
      name: 'gossip_timestamp_filter',
      chain_hash: this.parts.chainHash,
      first_timestamp,
      timestamp_range: EVER - first_timestamp,
    });
  }
}
