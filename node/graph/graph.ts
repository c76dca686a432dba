/**
 * The network as announced to us: channels, their two policies, their nodes. BOLT 7. What is in here has been verified by
 * whoever put it in (gossip.ts); the raw messages are kept because they are what others are told.
 */
import { hex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import type { Msat, Point, Sat, ShortChannelId, Txid } from '../../wire/units.ts';

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
  readonly policies: readonly [Policy | undefined, Policy | undefined];
}

export interface GraphNode {
  readonly id: NodeKey;
  readonly timestamp: number;
  readonly alias: string;
  readonly features: Uint8Array;
  /** The node_announcement as received, its type included. */
  readonly raw: Uint8Array;
}

/** The policy a channel_update states. */
export const policyOf = (update: MessageOf<'channel_update'>, raw: Uint8Array): Policy => ({
  timestamp: update.timestamp,
  cltvExpiryDelta: update.cltv_expiry_delta,
  htlcMinimum: update.htlc_minimum_msat,
  htlcMaximum: update.htlc_maximum_msat,
  feeBase: update.fee_base_msat,
  feeProportional: update.fee_proportional_millionths,
  disabled: (update.channel_flags & 2) !== 0,
  raw,
});

export const sideOf = (update: Pick<MessageOf<'channel_update'>, 'channel_flags'>): Side =>
  (update.channel_flags & 1) === 0 ? 0 : 1;

/** A transaction output as a key. */
export const outpointKey = (txid: Uint8Array, vout: number): string => `${hex(txid)}:${vout}`;

export class Graph {
  private readonly byFunding = new Map<string, ShortChannelId>();
  private readonly byScid = new Map<ShortChannelId, GraphChannel>();
  private readonly byNode = new Map<NodeKey, Set<ShortChannelId>>();
  private readonly announced = new Map<NodeKey, GraphNode>();

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

  /** True when some channel of this node is known: BOLT 7 lets nobody else be announced. */
  hasChannel(id: NodeKey): boolean {
    return (this.byNode.get(id)?.size ?? 0) > 0;
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
    this.byFunding.set(outpointKey(channel.funding.txid, channel.funding.vout), channel.scid);
    for (const id of channel.nodes) {
      const scids = this.byNode.get(id) ?? new Set();
      scids.add(channel.scid);
      this.byNode.set(id, scids);
    }
  }

  /** Takes a channel away, and the announcement of a node that thereby has none left. Returns the nodes so forgotten. */
  removeChannel(scid: ShortChannelId): readonly NodeKey[] {
    const channel = this.byScid.get(scid);
    if (channel === undefined) return [];
    this.byScid.delete(scid);
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
    this.byScid.set(scid, { ...channel, policies });
  }

  setNode(node: GraphNode): void {
    this.announced.set(node.id, node);
  }
}

/** The key of a node id. */
export const nodeKey = (id: Point): NodeKey => hex(id);
