/**
 * Relays gossip (BOLT 7, "Rebroadcasting" and "The gossip_timestamp_filter Message"). Gossip of other nodes goes out at intervals, only
 * the newest of each origin, to the peers whose filter includes its timestamp; our own goes to all peers at once.
 */
import { equal } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import type { ChainHash, Point, ShortChannelId } from '../../wire/units.ts';
import { Rates } from '../base/rates.ts';
import { EventLoopQueue } from '../peer/eventloopqueue.ts';
import {
  announcedPolicies,
  type Graph,
  type GraphChannel,
  isFresh,
  type NodeKey,
  nodeKey,
  type Side,
} from './graph.ts';

/** A peer that gets gossip. */
export interface GossipPeer {
  readonly id: Point;
  /** Sends a raw message. */
  send(raw: Uint8Array): void;
  /** Resolves when everything sent so far has left. */
  flushed(): Promise<void>;
}

/** One side's policy of a channel, or a node. */
type Subject = { readonly scid: ShortChannelId; readonly side: Side } | { readonly node: NodeKey };

/** A message that waits for the next interval. What the graph has of its subject then is what is sent. */
interface Item {
  /** Sequence number: how many items came before it. */
  readonly number: number;
  readonly subject: Subject;
  readonly timestamp: number;
  /** The peers that sent it to us, and so do not need it. */
  readonly from: NodeKey | undefined;
  /**
   * Timestamps of the channel's policies before this one: a peer whose filter includes none of them does not have the channel_announcement
   * yet.
   */
  readonly earlier?: readonly number[];
}

interface Filter {
  readonly first: number;
  readonly range: number;
}

interface Subscriber {
  readonly peer: GossipPeer;
  filter: Filter | undefined;
  /** Items that wait until the backlog is sent: an update must not overtake its channel. */
  due: Map<string, Item>;
  /** It asked for the backlog: the gossip we have already. */
  asked: boolean;
  /** Items with lower numbers are part of the backlog. */
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

/** Most messages that wait for a slow peer; it can query what it missed beyond them. */
const MAX_DUE = 10_000;
/** Messages, and bytes, of the backlog that are sent before the node waits for the peer to take them, and serves others. */
const SLICE = { messages: 30, bytes: 8 * 1024 } as const;
/** Channels that are checked, sent or not, before other work gets its turn. */
const LOOKED_AT = 2_000;
/** Rate limit for a peer's requests of the backlog: each one walks the whole graph. */
const FULL_DUMPS = { burst: 20, seconds: 30 } as const;

const turns = new EventLoopQueue();

/** Yields to the event loop; of all peers that get the backlog, one continues at a time. */
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

  /** Removes a disconnected peer. */
  forget(peer: Point): void {
    this.listeners.delete(nodeKey(peer));
  }

  /** Handles a peer's gossip_timestamp_filter. Resolves when the backlog was sent. */
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

  /** Sends a peer the backlog and then the items that wait, as fast as the peer takes them. */
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

  /** The backlog of a peer: what its filter includes, and our own announcements of any time; undefined for what it does not get. */
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
      yield wanted.length > 0 ? graph.rawChannel(scid) : undefined;
      for (const side of [0, 1] as const) {
        const policy = channel?.policies[side];
        if (policy !== undefined && wanted.includes(policy)) yield graph.rawPolicy(scid, side);
      }
    }
    for (const node of [...graph.nodes]) {
      if (listener.asked) return;
      const wanted = node.id === ours || isInFilter(listener.filter, node.timestamp);
      yield wanted && isFresh(node, now()) && !node.notRelayed && graph.hasAnnouncedChannel(node.id, now())
        ? graph.rawNode(node.id)
        : undefined;
    }
  }

  private *becameDue(listener: Subscriber): Generator<Uint8Array | undefined> {
    const { graph } = this.parts;
    const items = listener.due;
    listener.due = new Map();
    for (const { subject, timestamp, earlier = [] } of items.values()) {
      if (!isInFilter(listener.filter, timestamp)) continue;
      if ('node' in subject) {
        yield graph.rawNode(subject.node);
        continue;
      }
      const { scid, side } = subject;
      const channel = graph.channel(scid);
      if (channel === undefined || channel.spentAt !== undefined) continue;
      if (!earlier.some((time) => isInFilter(listener.filter, time))) yield graph.rawChannel(scid);
      yield graph.rawPolicy(scid, side);
    }
  }

  /** Queues a new policy; `before` is the channel without it. A channel is not announced before it has a policy (BOLT 7). */
  update(before: GraphChannel, side: Side, raw: Uint8Array, timestamp: number, from: Point | undefined): void {
    if (from !== undefined && !this.isListenedTo(from)) return;
    const earlier = before.policies.filter((policy) => policy !== undefined).map((policy) => policy.timestamp);
    const { scid } = before;
    if (from === undefined) {
      // The policy of the other end, and with it the announcement, may still be waiting for the next interval.
      const announcement = before.policies[side] === undefined ? this.parts.graph.rawChannel(scid) : undefined;
      this.sendToAll(announcement === undefined ? [raw] : [announcement, raw]);
    } else this.queue(`${scid}/${side}`, { subject: { scid, side }, timestamp, from: nodeKey(from), earlier });
    if (earlier.length > 0) return;
    for (const id of before.nodes) {
      const node = this.parts.graph.node(id);
      const raw = node === undefined ? undefined : this.parts.graph.rawNode(id);
      if (node !== undefined && raw !== undefined) this.node(id, raw, node.timestamp, node.notRelayed, undefined);
    }
  }

  /** Queues a new node_announcement. It waits until a channel of the node is announced. */
  node(id: NodeKey, raw: Uint8Array, timestamp: number, unfit: boolean | undefined, from: Point | undefined): void {
    const { graph, now } = this.parts;
    if (unfit || (from !== undefined && !this.isListenedTo(from)) || !graph.hasAnnouncedChannel(id, now())) return;
    if (id === nodeKey(this.parts.id)) this.sendToAll([raw]);
    else this.queue(id, { subject: { node: id }, timestamp, from: from && nodeKey(from) });
  }

  /** Sends our own announcements to all peers, whatever their filters. */
  sendToAll(raws: readonly Uint8Array[]): void {
    for (const { peer } of this.listeners.values()) for (const raw of raws) peer.send(raw);
  }

  /** Whether somebody else wants gossip now: who asks later gets what came before with the backlog, and a first sync queues nothing. */
  private isListenedTo(from: Point): boolean {
    const sender = nodeKey(from);
    for (const [key, { filter }] of this.listeners) if (filter !== undefined && key !== sender) return true;
    return false;
  }

  /** How many messages wait for the next interval. */
  get waiting(): number {
    return this.pending.size;
  }

  private queue(key: string, item: Omit<Item, 'number'>): void {
    const waiting = this.pending.get(key);
    // An update that replaces one that was never sent also takes over its `before`.
    const earlier = waiting?.earlier ?? item.earlier;
    this.pending.set(key, { ...item, number: this.items++, ...(earlier && { earlier }) });
    // No peer is kept more than that: a flood goes out before the interval is over.
    if (this.pending.size >= MAX_DUE) this.flush();
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

/** The range of a filter: from the first second, up to but without the end. */
const isInFilter = (filter: Filter | undefined, timestamp: number): boolean =>
  filter !== undefined && timestamp >= filter.first && timestamp < filter.first + filter.range;
