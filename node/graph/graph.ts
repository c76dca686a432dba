/**
 * The network graph (BOLT 7): channels, their two policies, their nodes. Its callers verify what they add (gossip.ts). The raw messages
 * are kept because they are what is relayed.
 */
import { hex } from '../../wire/bytes.ts';
import { channelUpdateChecksum } from '../../wire/checksum.ts';
import { unknownRequiredBit } from '../../wire/features.ts';
import type { MessageOf } from '../../wire/message.ts';
import { decodeMessage } from '../../wire/message.ts';
import { printableText } from '../../wire/printable.ts';
import { type Msat, type Point, type Sat, type ShortChannelId, scidOf, type Txid } from '../../wire/units.ts';
import { outpointKey } from '../chain/watchrules.ts';
import { hostOf } from '../peer/descriptors.ts';
import type { Address } from '../ports/ports.ts';
import { CompactGraph } from './compact.ts';
import { Search } from './search.ts';
import { SortedList } from './sorted.ts';

/** A node id as a key: 66 hex digits. */
export type NodeKey = string;
/** 0: the policy of node_id_1, for HTLCs from it to node_id_2. BOLT 7, "channel_flags". */
export type Side = 0 | 1;

/** How one end of a channel forwards over it. */
export interface Policy {
  readonly timestamp: number;
  readonly cltvExpiryDelta: number;
  readonly htlcMinimum: Msat;
  readonly htlcMaximum: Msat;
  readonly feeBase: Msat;
  readonly feeProportional: number;
  readonly disabled: boolean;
  /** BOLT 7's checksum of what it states: that of two updates which differ in their time alone is the same. */
  readonly checksum: number;
  /** The channel_update as received, its type included. */
  readonly raw: Uint8Array;
}

export interface GraphChannel {
  readonly scid: ShortChannelId;
  /** In the order of their ids. */
  readonly nodes: readonly [NodeKey, NodeKey];
  readonly capacity: Sat;
  /** The funding output, whose spending ends the channel. */
  readonly funding: { readonly txid: Txid; readonly vout: number };
  /** The channel_announcement as received, its type included. */
  readonly raw: Uint8Array;
  /** An even feature bit that this node does not know: nothing is routed through such a channel (BOLT 7). */
  readonly unknownFeature?: number | undefined;
  readonly policies: readonly [Policy | undefined, Policy | undefined];
  /** Height of the block that spends the funding output. */
  readonly spentAt?: number | undefined;
}

export interface GraphNode {
  readonly id: NodeKey;
  readonly timestamp: number;
  readonly alias: string;
  readonly features: Uint8Array;
  /** An even feature bit that this node does not know: the node is not routed through, not paid without an invoice, not dialled (BOLT 7). */
  readonly unknownFeature?: number | undefined;
  /** The node_announcement as received, its type included. */
  readonly raw: Uint8Array;
  /** Not to be passed on: it names more than one hostname (BOLT 7). */
  readonly notRelayed?: boolean;
}

/**
 * Seconds after which a policy that was not renewed counts as abandoned (BOLT 7, "Pruning on Stale Entries"): it is neither used
 * nor passed on.
 */
export const STALE_AFTER = 14 * 24 * 3600;

export const isFresh = ({ timestamp }: { readonly timestamp: number }, now: number): boolean =>
  timestamp > now - STALE_AFTER;

/** The policies of a channel that may be relayed: none once its funding output is spent. */
export const announcedPolicies = ({ policies, spentAt }: GraphChannel, now: number): readonly Policy[] =>
  spentAt === undefined
    ? policies.filter((policy): policy is Policy => policy !== undefined && isFresh(policy, now))
    : [];

/** What the graph keeps of an announced channel. */
export const announcedChannel = (
  m: MessageOf<'channel_announcement'>,
  raw: Uint8Array,
  found: Pick<GraphChannel, 'capacity' | 'funding'>,
): GraphChannel => ({
  scid: m.short_channel_id,
  nodes: [nodeKey(m.node_id_1), nodeKey(m.node_id_2)],
  capacity: found.capacity,
  funding: found.funding,
  raw,
  unknownFeature: unknownRequiredBit(m.features),
  policies: [undefined, undefined],
});

/** An alias without its padding, printable; bytes that are not UTF-8 become U+FFFD. */
const aliasText = (alias: Uint8Array): string => {
  const end = alias.indexOf(0);
  return printableText(end < 0 ? alias : alias.subarray(0, end));
};

/** Address descriptors of type 5, hostnames, of which a node may announce one. */
const HOSTNAME = 5;

/** What the graph keeps of an announced node. */
export const announcedNode = (m: MessageOf<'node_announcement'>, raw: Uint8Array): GraphNode => ({
  id: nodeKey(m.node_id),
  timestamp: m.timestamp,
  alias: aliasText(m.alias),
  features: m.features,
  unknownFeature: unknownRequiredBit(m.features),
  raw,
  notRelayed:
    m.addresses.filter((one) => one.type === 'dns' || (one.type === 'unknown' && one.id === HOSTNAME)).length > 1,
});

/** The policy a channel_update states. */
export const policyOf = (update: MessageOf<'channel_update'>, raw: Uint8Array): Policy => ({
  timestamp: update.timestamp,
  cltvExpiryDelta: update.cltv_expiry_delta,
  htlcMinimum: update.htlc_minimum_msat,
  htlcMaximum: update.htlc_maximum_msat,
  feeBase: update.fee_base_msat,
  feeProportional: update.fee_proportional_millionths,
  disabled: (update.channel_flags & 2) !== 0,
  checksum: channelUpdateChecksum(raw),
  raw,
});

export const sideOf = (update: Pick<MessageOf<'channel_update'>, 'channel_flags'>): Side =>
  (update.channel_flags & 1) === 0 ? 0 : 1;

export class Graph {
  private readonly byFunding = new Map<string, ShortChannelId>();
  private readonly byScid = new Map<ShortChannelId, GraphChannel>();
  private readonly byNode = new Map<NodeKey, Set<ShortChannelId>>();
  private readonly announced = new Map<NodeKey, GraphNode>();
  private readonly ordered = new SortedList<ShortChannelId>();
  private readonly spent = new Map<ShortChannelId, number>();
  /** The same channels as numbers, for searches. */
  readonly compact = new CompactGraph();
  readonly search = new Search(this.compact);

  get channels(): Iterable<GraphChannel> {
    return this.byScid.values();
  }

  get nodes(): Iterable<GraphNode> {
    return this.announced.values();
  }

  /** How many channels and announced nodes there are. */
  get size(): { readonly channels: number; readonly nodes: number } {
    return { channels: this.byScid.size, nodes: this.announced.size };
  }

  /** Every node that has a channel, announced or not. */
  get ids(): Iterable<NodeKey> {
    return this.byNode.keys();
  }

  channel(scid: ShortChannelId): GraphChannel | undefined {
    return this.byScid.get(scid);
  }

  node(id: NodeKey): GraphNode | undefined {
    return this.announced.get(id);
  }

  /** The channel that this output funds. */
  fundedBy(txid: Uint8Array, vout: number): ShortChannelId | undefined {
    return this.byFunding.get(outpointKey(txid, vout));
  }

  /** Whether a channel of this node is known: BOLT 7 ignores the node_announcement of any other. */
  hasChannel(id: NodeKey): boolean {
    return (this.byNode.get(id)?.size ?? 0) > 0;
  }

  /** Whether a channel of this node may be relayed. */
  hasAnnouncedChannel(id: NodeKey, now: number): boolean {
    for (const scid of this.byNode.get(id) ?? []) {
      const channel = this.byScid.get(scid);
      if (channel !== undefined && announcedPolicies(channel, now).length > 0) return true;
    }
    return false;
  }

  /** Channels funded from block `first` on and before block `end`, ascending. */
  between(first: number, end: number): readonly ShortChannelId[] {
    return this.ordered.between(lowestAt(first), lowestAt(end));
  }

  channelsOf(id: NodeKey): readonly GraphChannel[] {
    const out: GraphChannel[] = [];
    for (const scid of this.byNode.get(id) ?? []) {
      const channel = this.byScid.get(scid);
      if (channel !== undefined) out.push(channel);
    }
    return out;
  }

  addChannel(channel: GraphChannel): void {
    this.byScid.set(channel.scid, channel);
    this.compact.add(channel, (id) => this.announced.get(id)?.unknownFeature !== undefined);
    this.ordered.add(channel.scid);
    this.byFunding.set(outpointKey(channel.funding.txid, channel.funding.vout), channel.scid);
    for (const id of channel.nodes) {
      const scids = this.byNode.get(id) ?? new Set();
      scids.add(channel.scid);
      this.byNode.set(id, scids);
    }
  }

  /** Removes a channel, and the nodes that have no other channel. Returns those nodes. */
  removeChannel(scid: ShortChannelId): readonly NodeKey[] {
    const channel = this.byScid.get(scid);
    if (channel === undefined) return [];
    this.byScid.delete(scid);
    this.compact.remove(scid);
    this.ordered.remove(scid);
    this.spent.delete(scid);
    this.byFunding.delete(outpointKey(channel.funding.txid, channel.funding.vout));
    const gone: NodeKey[] = [];
    for (const id of channel.nodes) {
      const scids = this.byNode.get(id);
      scids?.delete(scid);
      if (scids?.size !== 0) continue;
      this.byNode.delete(id);
      if (this.announced.delete(id)) gone.push(id);
    }
    return gone;
  }

  /** Replaces one side's policy; the caller has compared timestamps. Unknown channels are left alone. */
  setPolicy(scid: ShortChannelId, side: Side, policy: Policy): void {
    const channel = this.byScid.get(scid);
    if (channel === undefined) return;
    const policies: GraphChannel['policies'] =
      side === 0 ? [policy, channel.policies[1]] : [channel.policies[0], policy];
    this.replace({ ...channel, policies });
  }

  /** Channels whose funding output is spent, and by the block of which height. */
  get spends(): ReadonlyMap<ShortChannelId, number> {
    return this.spent;
  }

  /** Sets the height of the block that spends a channel's funding output; undefined: it is unspent (again). */
  setSpent(scid: ShortChannelId, height: number | undefined): void {
    const channel = this.byScid.get(scid);
    if (channel === undefined) return;
    if (height === undefined) this.spent.delete(scid);
    else this.spent.set(scid, height);
    this.replace({ ...channel, spentAt: height });
  }

  private replace(channel: GraphChannel): void {
    this.byScid.set(channel.scid, channel);
    this.compact.change(channel);
  }

  setNode(node: GraphNode): void {
    this.announced.set(node.id, node);
    this.compact.setUnknownFeature(node.id, node.unknownFeature !== undefined);
  }
}

/** The first short_channel_id of a block; heights beyond the 24 bits of one count as the last. */
const lowestAt = (height: number): ShortChannelId => scidOf(Math.min(height, 0xff_ffff), 0, 0);

/** The key of a node id. */
export const nodeKey = (id: Point): NodeKey => hex(id);

/** Most addresses of a node that are dialled and remembered: it may announce thousands that do not work. */
export const MAX_ADDRESSES = 12;

/**
 * The announced addresses of a node that can be dialled from here: none of a node that requires features this node does not know, none
 * without a port, the first of several hostnames, and a limited number.
 */
export const announcedAddresses = (graph: Graph, peer: Point): readonly Address[] => {
  const node = graph.node(nodeKey(peer));
  if (node === undefined || node.unknownFeature !== undefined) return [];
  const announcement = decodeMessage(node.raw);
  if (announcement.name !== 'node_announcement') return [];
  let named = false;
  const found = announcement.addresses.flatMap((address) => {
    const host = hostOf(address);
    if (host === undefined || address.type === 'unknown' || address.port === 0) return [];
    if (address.type === 'dns' && named) return [];
    named ||= address.type === 'dns';
    return [{ host, port: address.port }];
  });
  return found.slice(0, MAX_ADDRESSES);
};
