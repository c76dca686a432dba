/**
 * Keeping the graph: every announcement is verified (signatures, and the funding output on the chain), kept, and passed on to
 * the peers that asked for gossip. BOLT 7. What cannot be placed yet waits in bounded room.
 */

import { fundingOutputScript } from '../../channel/funding.ts';
import { equal, text } from '../../wire/bytes.ts';
import { decodeMessage, type MessageOf } from '../../wire/message.ts';
import { type ChainHash, type Point, type ShortChannelId, scidText } from '../../wire/units.ts';
import { ChainError } from '../chain/errors.ts';
import { fundingOutput } from '../chain/lookup.ts';
import type { Chain, Log } from '../ports.ts';
import { holdsChannelAnnouncement, holdsChannelUpdate, holdsNodeAnnouncement } from './announce.ts';
import { type Graph, type GraphChannel, nodeKey, policyOf, sideOf } from './graph.ts';
import type { GraphStore } from './persist.ts';

/** Somebody to tell. */
export interface GossipPeer {
  readonly id: Point;
  /** Sends a raw message. */
  send(raw: Uint8Array): void;
}

export type GossipMessage =
  | MessageOf<'channel_announcement'>
  | MessageOf<'channel_update'>
  | MessageOf<'node_announcement'>;
/** `bad` is a message its sender should not have sent: it gets a warning and loses the connection. */
export type Verdict = 'new' | 'known' | 'ignored' | 'bad';

/** Updates of channels not announced yet that are kept, all in all: a peer may send them early. */
const MAX_EARLY = 1000;
/** Bytes of the longest of them: three times a plain one. */
const MAX_EARLY_BYTES = 420;
/** Seconds by which a timestamp may lie ahead of our clock. */
const MAX_AHEAD = 24 * 3600;

export interface GossipParts {
  readonly graph: Graph;
  readonly saved: GraphStore;
  readonly chain: Chain;
  readonly chainHash: ChainHash;
  readonly log: Log;
  /** Unix seconds. */
  readonly now: () => number;
}

interface Filter {
  readonly first: number;
  readonly range: number;
}

const timestampOf = (raw: Uint8Array): number => {
  const m = decodeMessage(raw);
  return m.name === 'channel_update' || m.name === 'node_announcement' ? m.timestamp : 0;
};

export class Gossip {
  private readonly parts: GossipParts;
  private readonly listeners = new Map<string, { readonly peer: GossipPeer; readonly filter: Filter }>();
  private readonly early = new Map<string, Uint8Array>();

  constructor(parts: GossipParts) {
    this.parts = parts;
  }

  /** A peer said since when it wants gossip: it gets what we have of that time now, the rest as it comes. */
  filter(peer: GossipPeer, message: MessageOf<'gossip_timestamp_filter'>): void {
    if (!equal(message.chain_hash, this.parts.chainHash)) return;
    const filter = { first: message.first_timestamp, range: message.timestamp_range };
    this.listeners.set(nodeKey(peer.id), { peer, filter });
    for (const channel of this.parts.graph.channels) {
      const updates = channel.policies.filter((p) => p !== undefined && within(filter, p.timestamp));
      if (updates.length === 0 && filter.first > 0) continue;
      peer.send(channel.raw);
      for (const policy of updates) if (policy !== undefined) peer.send(policy.raw);
    }
    for (const node of this.parts.graph.nodes) if (within(filter, node.timestamp)) peer.send(node.raw);
  }

  /** The peer is gone. */
  forget(peer: Point): void {
    this.listeners.delete(nodeKey(peer));
  }

  /** Passes a raw message on to all who want it but the one it came from. */
  relay(raw: Uint8Array, from?: Point): void {
    const timestamp = timestampOf(raw);
    for (const { peer, filter } of this.listeners.values()) {
      if (from !== undefined && equal(peer.id, from)) continue;
      if (timestamp === 0 || within(filter, timestamp)) peer.send(raw);
    }
  }

  /** Takes an announcement; what is new is kept and passed on. Rejects only when the chain or the store cannot be reached. */
  async take(message: GossipMessage, raw: Uint8Array, from?: Point): Promise<Verdict> {
    const verdict = await this.judge(message, raw);
    if (verdict === 'new') this.relay(raw, from);
    return verdict;
  }

  private judge(message: GossipMessage, raw: Uint8Array): Promise<Verdict> {
    switch (message.name) {
      case 'channel_announcement':
        return this.channel(message, raw);
      case 'channel_update':
        return this.update(message, raw);
      case 'node_announcement':
        return this.node(message, raw);
    }
  }

  private async channel(m: MessageOf<'channel_announcement'>, raw: Uint8Array): Promise<Verdict> {
    const { graph, saved, chainHash, log } = this.parts;
    if (!equal(m.chain_hash, chainHash)) return 'ignored';
    if (graph.channel(m.short_channel_id) !== undefined) return 'known';
    if (!holdsChannelAnnouncement(m, raw)) return 'bad';
    const found = await this.fundingOf(m);
    if (found === undefined) {
      log.debug({ scid: scidText(m.short_channel_id) }, 'announced channel has no unspent funding output; ignored');
      return 'ignored';
    }
    const channel: GraphChannel = {
      scid: m.short_channel_id,
      nodes: [nodeKey(m.node_id_1), nodeKey(m.node_id_2)],
      ...found,
      raw,
      policies: [undefined, undefined],
    };
    if (graph.channel(m.short_channel_id) !== undefined) return 'known';
    graph.addChannel(channel);
    await saved.channel(channel);
    for (const side of [0, 1]) {
      const key = earlyKey(m.short_channel_id, side);
      const update = this.early.get(key);
      this.early.delete(key);
      const again = update && decodeMessage(update);
      // After the announcement itself, or those it is passed on to would not know the channel either.
      if (update !== undefined && again?.name === 'channel_update')
        queueMicrotask(() => void this.take(again, update).catch(() => undefined));
    }
    return 'new';
  }

  /** The funding output a short_channel_id points to, if it is unspent and pays to the two keys. */
  private async fundingOf(
    m: MessageOf<'channel_announcement'>,
  ): Promise<Pick<GraphChannel, 'capacity' | 'funding'> | undefined> {
    try {
      const found = await fundingOutput(this.parts.chain, m.short_channel_id);
      const script = fundingOutputScript(m.bitcoin_key_1, m.bitcoin_key_2);
      if (found === undefined || !equal(found.script, script)) return undefined;
      return { capacity: found.amount, funding: { txid: found.txid, vout: found.vout } };
    } catch (error) {
      if (error instanceof ChainError) return undefined;
      throw error;
    }
  }

  private async update(m: MessageOf<'channel_update'>, raw: Uint8Array): Promise<Verdict> {
    const { graph, saved, chainHash, now } = this.parts;
    if (!equal(m.chain_hash, chainHash) || m.timestamp > now() + MAX_AHEAD) return 'ignored';
    const side = sideOf(m);
    const channel = graph.channel(m.short_channel_id);
    if (channel === undefined) {
      this.keepEarly(earlyKey(m.short_channel_id, side), raw);
      return 'ignored';
    }
    if ((channel.policies[side]?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (m.htlc_maximum_msat > channel.capacity * 1000n) return 'ignored';
    const signer = decodedNodes(channel)[side];
    if (signer === undefined || !holdsChannelUpdate(m, raw, signer)) return 'bad';
    graph.setPolicy(m.short_channel_id, side, policyOf(m, raw));
    await saved.policy(m.short_channel_id, side, raw);
    return 'new';
  }

  private async node(m: MessageOf<'node_announcement'>, raw: Uint8Array): Promise<Verdict> {
    const { graph, saved, now } = this.parts;
    const id = nodeKey(m.node_id);
    if (!graph.hasChannel(id) || m.timestamp > now() + MAX_AHEAD) return 'ignored';
    if ((graph.node(id)?.timestamp ?? -1) >= m.timestamp) return 'known';
    if (!holdsNodeAnnouncement(m, raw)) return 'bad';
    graph.setNode({ id, timestamp: m.timestamp, alias: aliasText(m.alias), features: m.features, raw });
    await saved.node(id, raw);
    return 'new';
  }

  private keepEarly(key: string, raw: Uint8Array): void {
    if (raw.length > MAX_EARLY_BYTES) return;
    this.early.delete(key);
    this.early.set(key, raw);
    if (this.early.size <= MAX_EARLY) return;
    const oldest = this.early.keys().next().value;
    if (oldest !== undefined) this.early.delete(oldest);
  }
}

const within = ({ first, range }: Filter, timestamp: number): boolean =>
  timestamp >= first && timestamp < first + range;
const earlyKey = (scid: ShortChannelId, side: number): string => `${scid}/${side}`;

/** The two node ids, as points, out of the announcement. */
const decodedNodes = (channel: GraphChannel): readonly [Point, Point] | readonly [undefined, undefined] => {
  const m = decodeMessage(channel.raw);
  return m.name === 'channel_announcement' ? [m.node_id_1, m.node_id_2] : [undefined, undefined];
};

/** An alias without its padding; whatever is not UTF-8 becomes U+FFFD. From a stranger: see printable.ts before showing it. */
export const aliasText = (alias: Uint8Array): string => {
  const end = alias.indexOf(0);
  return text(end < 0 ? alias : alias.subarray(0, end));
};
