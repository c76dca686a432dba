/**
 * Passing gossip on (BOLT 7, "Rebroadcasting" and "The gossip_timestamp_filter Message"): what others made goes out at intervals,
 * the newest of each origin only, to those who asked for its time; what we made ourselves goes to all peers at once.
 */
import { equal } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import type { ChainHash, Point, ShortChannelId } from '../../wire/units.ts';
import { Rates } from '../base/rates.ts';
import { EventLoopQueue } from '../peer/eventloopqueue.ts';
import { announcedPolicies, type Graph, type GraphChannel, isFresh, type NodeKey, nodeKey } from './graph.ts';

/** Somebody to tell. */
export interface GossipPeer {
  readonly id: Point;
  /** Sends a raw message. */
  send(raw: Uint8Array): void;
  /** Resolves when what was sent is on its way. */
  flushed(): Promise<void>;
}

/** A message that waits for the next interval. */
interface Item {
  /** How many items came before it. */
  readonly number: number;
  readonly scid: ShortChannelId | undefined;
  readonly raw: Uint8Array;
  readonly timestamp: number;
  /** Who told us, and so need not be told. */
  readonly from: NodeKey | undefined;
  /** The announcement of the channel, for those who cannot have it: no earlier policy was of a time they asked for. */
  readonly announcement?: Uint8Array;
  /** Times of the channel's policies that were known before. */
  readonly earlier?: readonly number[];
}

interface Filter {
  readonly first: number;
  readonly range: number;
}

interface Subscriber {
  readonly peer: GossipPeer;
  filter: Filter | undefined;
  /** What it has still to be told, behind what there was when it asked: an update must not overtake its channel. */
  due: Map<string, Item>;
  /** It asked for what there is. */
  asked: boolean;
  /** Items with lower numbers were in what it was told when it asked. */
  since: number;
  busy: boolean;
}

export interface GossipRelayParts {
  readonly graph: Graph;
  readonly chainHash: ChainHash;
  /** Ourselves. */
  readonly id: Point;
  /** Unix seconds. */
  readonly now: () => number;
  /** Milliseconds between two flushes of what others made. */
  readonly interval: number;
  /** Runs something after that many milliseconds. */
  readonly later: (ms: number, run: () => void) => void;
}

/** Messages that wait for a peer that takes them slowly; it can ask for what it missed beyond. */
const MAX_DUE = 10_000;
/** Messages, and bytes, after which a peer that is told what there is has to have taken them, and others have their turn. */
const SLICE = { messages: 30, bytes: 8 * 1024 } as const;
/** Channels looked at before others have their turn, sent or not. */
const LOOKED_AT = 2_000;
/** A peer may ask so often for what there is; the graph is gone through each time. */
const FULL_DUMPS = { burst: 20, seconds: 30 } as const;

const turns = new EventLoopQueue();

/** Lets everything else that waits have its turn; of all those who are told of the graph, one goes on at a time. */
export const nextTurn = (): Promise<void> => turns.turn();

export class GossipRelay {
  private readonly parts: GossipRelayParts;
  private readonly listeners = new Map<NodeKey, Subscriber>();
  private readonly dumps = new Rates(FULL_DUMPS.burst, FULL_DUMPS.seconds);
  private pending = new Map<string, Item>();
  private items = 0;
  private armed = false;

  constructor(parts: GossipRelayParts) {
    this.parts = parts;
  }

  connected(peer: GossipPeer): void {
    this.listeners.set(nodeKey(peer.id), {
      peer,
      filter: undefined,
      due: new Map(),
      asked: false,
      since: 0,
      busy: false,
    });
  }

  /** The peer is gone. */
  forget(peer: Point): void {
    this.listeners.delete(nodeKey(peer));
  }

  /** A peer said of which time it wants gossip. Resolves when it was told what we have of that time. */
  async filter(peer: GossipPeer, message: MessageOf<'gossip_timestamp_filter'>): Promise<void> {
    if (!equal(message.chain_hash, this.parts.chainHash)) return;
    const key = nodeKey(peer.id);
    if (!this.listeners.has(key)) this.connected(peer);
    const listener = this.listeners.get(key);
    if (listener === undefined) return;
    listener.filter = { first: message.first_timestamp, range: message.timestamp_range };
    if (!this.dumps.allows(key, this.parts.now())) return;
    this.dumps.count(key, this.parts.now());
    listener.asked = true;
    await this.serve(listener);
  }

  /** Tells a peer what it asked for and what has become due, as fast as it takes it. */
  private async serve(listener: Subscriber): Promise<void> {
    if (listener.busy) return;
    listener.busy = true;
    while (this.isHere(listener) && (listener.asked || listener.due.size > 0)) {
      const messages = listener.asked ? this.known(listener) : this.becameDue(listener);
      let sent = 0;
      let bytes = 0;
      let looked = 0;
      for (const raw of messages) {
        if (!this.isHere(listener)) break;
        if (raw !== undefined) {
          listener.peer.send(raw);
          sent++;
          bytes += raw.length;
        }
        if (sent < SLICE.messages && bytes < SLICE.bytes && ++looked < LOOKED_AT) continue;
        [sent, bytes, looked] = [0, 0, 0];
        await listener.peer.flushed();
        await nextTurn();
      }
    }
    listener.busy = false;
  }

  private isHere(listener: Subscriber): boolean {
    return this.listeners.get(nodeKey(listener.peer.id)) === listener;
  }

  /** All we have of the time that the peer asked for, and what we made ourselves of any time; undefined for what is not for it. */
  private *known(listener: Subscriber): Generator<Uint8Array | undefined> {
    const { graph, now, id } = this.parts;
    const ours = nodeKey(id);
    listener.asked = false;
    listener.since = this.items;
    for (const scid of graph.between(0, Number.MAX_SAFE_INTEGER)) {
      if (listener.asked) return;
      const channel = graph.channel(scid);
      const own = channel?.nodes.includes(ours);
      const told = channel === undefined ? [] : announcedPolicies(channel, now());
      const wanted = told.filter(({ timestamp }) => own || isInFilter(listener.filter, timestamp));
      yield wanted.length > 0 ? channel?.raw : undefined;
      for (const { raw } of wanted) yield raw;
    }
    for (const node of [...graph.nodes]) {
      if (listener.asked) return;
      const wanted = node.id === ours || isInFilter(listener.filter, node.timestamp);
      yield wanted && isFresh(node, now()) && !node.notRelayed && graph.hasAnnouncedChannel(node.id, now())
        ? node.raw
        : undefined;
    }
  }

  private *becameDue(listener: Subscriber): Generator<Uint8Array | undefined> {
    const items = listener.due;
    listener.due = new Map();
    for (const { scid, raw, timestamp, announcement, earlier = [] } of items.values()) {
      const channel = scid === undefined ? undefined : this.parts.graph.channel(scid);
      const gone = scid !== undefined && (channel === undefined || channel.spentAt !== undefined);
      if (gone || !isInFilter(listener.filter, timestamp)) continue;
      if (announcement !== undefined && !earlier.some((time) => isInFilter(listener.filter, time))) yield announcement;
      yield raw;
    }
  }

  /** A policy of a channel is new; `before` is the channel without it. Nobody is told of a channel before it has one (BOLT 7). */
  update(before: GraphChannel, side: 0 | 1, raw: Uint8Array, timestamp: number, from: Point | undefined): void {
    const earlier = before.policies.filter((policy) => policy !== undefined).map((policy) => policy.timestamp);
    if (from === undefined) {
      // The other end's policy may wait for the next interval still, and the announcement with it.
      this.sendToAll(before.policies[side] === undefined ? [before.raw, raw] : [raw]);
    } else {
      const key = `${before.scid}/${side}`;
      this.queue(key, { scid: before.scid, raw, timestamp, from: nodeKey(from), announcement: before.raw, earlier });
    }
    if (earlier.length > 0) return;
    for (const id of before.nodes) {
      const node = this.parts.graph.node(id);
      if (node !== undefined) this.node(node.id, node.raw, node.timestamp, node.notRelayed, undefined);
    }
  }

  /** A node's announcement is new. It waits for the first channel of the node that others are told of. */
  node(id: NodeKey, raw: Uint8Array, timestamp: number, unfit: boolean | undefined, from: Point | undefined): void {
    const { graph, now } = this.parts;
    if (unfit || !graph.hasAnnouncedChannel(id, now())) return;
    if (id === nodeKey(this.parts.id)) this.sendToAll([raw]);
    else this.queue(id, { scid: undefined, raw, timestamp, from: from && nodeKey(from) });
  }

  /** Tells all peers what we made ourselves, whatever times they asked for. */
  sendToAll(raws: readonly Uint8Array[]): void {
    for (const { peer } of this.listeners.values()) for (const raw of raws) peer.send(raw);
  }

  private queue(key: string, item: Omit<Item, 'number'>): void {
    const waiting = this.pending.get(key);
    // What replaces an update that was never sent stands in its place also as to what was known before.
    const earlier = waiting?.earlier ?? item.earlier;
    this.pending.set(key, { ...item, number: this.items++, ...(earlier && { earlier }) });
    if (this.armed) return;
    this.armed = true;
    this.parts.later(this.parts.interval, () => {
      this.armed = false;
      this.flush();
    });
  }

  private flush(): void {
    const items = this.pending;
    this.pending = new Map();
    for (const [key, listener] of this.listeners) {
      if (listener.filter === undefined) continue;
      for (const [name, item] of items)
        if (item.from !== key && item.number >= listener.since && listener.due.size < MAX_DUE)
          listener.due.set(name, item);
      void this.serve(listener);
    }
  }
}

/** Both ends of the time: the first second is in it, the one after the last is not. */
const isInFilter = (filter: Filter | undefined, timestamp: number): boolean =>
  filter !== undefined && timestamp >= filter.first && timestamp < filter.first + filter.range;
