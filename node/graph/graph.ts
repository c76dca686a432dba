/**
 * The network graph (BOLT 7): channels, their two policies, their nodes. Its callers verify what they add (gossip.ts). What it knows is in
 * typed arrays, and is put together for who asks; the messages as they were received are what is relayed, and lie elsewhere
 * (rawmessages.ts).
 */
import { hex } from '../../wire/bytes.ts';
import { type Msat, msat, type Point, type ShortChannelId, sat, scidOf, shortChannelId } from '../../wire/units.ts';
import { ChannelDetails } from './channeldetails.ts';
import { CompactGraph, NONE } from './compact.ts';
import { Connection } from './connection.ts';
import { type FoundFunding, messagesInMemory, NOWHERE, type RawMessages } from './rawmessages.ts';
import { Search } from './search.ts';
import { SortedIds } from './sorted.ts';

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
}

export interface GraphChannel extends FoundFunding {
  readonly scid: ShortChannelId;
  /** In the order of their ids. */
  readonly nodes: readonly [NodeKey, NodeKey];
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

export class Graph {
  private readonly messages: RawMessages;
  private readonly announced = new Map<NodeKey, { readonly node: GraphNode; readonly position: number }>();
  private readonly ordered = new SortedIds();
  private readonly spent = new Map<ShortChannelId, number>();
  private readonly details = new ChannelDetails();
  /** The channels as numbers, for searches. */
  readonly compact = new CompactGraph();
  readonly search = new Search(this.compact);
  readonly connection = new Connection(this.compact);

  /** A graph whose messages are kept there; in memory where nothing is said. */
  constructor(messages: RawMessages = messagesInMemory()) {
    this.messages = messages;
  }

  /** All channels, each put together anew. */
  get channels(): Iterable<GraphChannel> {
    return [...this.compact.all].flatMap((scid) => this.channel(scid) ?? []);
  }

  get nodes(): Iterable<GraphNode> {
    return [...this.announced.values()].map(({ node }) => node);
  }

  /** How many channels and announced nodes there are. */
  get size(): { readonly channels: number; readonly nodes: number } {
    return { channels: this.compact.count, nodes: this.announced.size };
  }

  /** Every node that has a channel, announced or not. */
  get ids(): Iterable<NodeKey> {
    return this.compact.allNodes;
  }

  channel(scid: ShortChannelId): GraphChannel | undefined {
    const number = this.compact.channelNumber(scid);
    return number === undefined ? undefined : this.channelAt(number);
  }

  private channelAt(number: number): GraphChannel {
    const { compact, details } = this;
    const [unknownBit, spentAt] = [details.unknownBit[number] ?? NONE, details.spentAt[number] ?? NONE];
    return {
      scid: shortChannelId(compact.scids[number] ?? 0n),
      nodes: [compact.key(compact.from[2 * number] ?? NONE), compact.key(compact.from[2 * number + 1] ?? NONE)],
      capacity: sat(BigInt((compact.capacity[number] ?? 0) / 1000)),
      funding: details.funding(number),
      unknownFeature: unknownBit === NONE ? undefined : unknownBit,
      policies: [this.policyAt(2 * number), this.policyAt(2 * number + 1)],
      ...(spentAt !== NONE && { spentAt }),
    };
  }

  private policyAt(direction: number): Policy | undefined {
    const { compact, details } = this;
    if (compact.told[direction] !== 1) return undefined;
    return {
      timestamp: compact.timestamp[direction] ?? 0,
      cltvExpiryDelta: compact.delay[direction] ?? 0,
      htlcMinimum: msat(BigInt(compact.minimum[direction] ?? 0)),
      htlcMaximum: msat(BigInt(compact.maximum[direction] ?? 0)),
      feeBase: msat(BigInt(compact.feeBase[direction] ?? 0)),
      feeProportional: compact.feeProportional[direction] ?? 0,
      disabled: compact.enabled[direction] !== 1,
      checksum: details.checksum[direction] ?? 0,
    };
  }

  /** The timestamp of one side's policy; -1 where there is none. */
  policyTimestamp(scid: ShortChannelId, side: Side): number {
    const number = this.compact.channelNumber(scid);
    if (number === undefined || this.compact.told[2 * number + side] !== 1) return -1;
    return this.compact.timestamp[2 * number + side] ?? -1;
  }

  node(id: NodeKey): GraphNode | undefined {
    return this.announced.get(id)?.node;
  }

  /** The channel_announcement as received, its type included; undefined where it cannot be read. */
  rawChannel(scid: ShortChannelId): Uint8Array | undefined {
    const number = this.compact.channelNumber(scid);
    return number === undefined ? undefined : this.rawAt(this.details.announcement[number]);
  }

  /** The channel_update of one side as received, its type included; undefined where it cannot be read. */
  rawPolicy(scid: ShortChannelId, side: Side): Uint8Array | undefined {
    const number = this.compact.channelNumber(scid);
    return number === undefined ? undefined : this.rawAt(this.details.update[2 * number + side]);
  }

  /** The node_announcement as received, its type included; undefined where it cannot be read. */
  rawNode(id: NodeKey): Uint8Array | undefined {
    return this.rawAt(this.announced.get(id)?.position);
  }

  /** Where a message of a channel lies: its channel_announcement, or the channel_update of a side. */
  channelPosition(scid: ShortChannelId, side?: Side): number {
    const number = this.compact.channelNumber(scid);
    if (number === undefined) return NOWHERE;
    const { announcement, update } = this.details;
    return (side === undefined ? announcement[number] : update[2 * number + side]) ?? NOWHERE;
  }

  /** Where a node_announcement lies. */
  nodePosition(id: NodeKey): number {
    return this.announced.get(id)?.position ?? NOWHERE;
  }

  /** Messages lie elsewhere now: says where each is, by where it was; NOWHERE for one that is lost. */
  moveMessages(to: (position: number) => number): void {
    const moved = (position: number): number => (position === NOWHERE ? NOWHERE : to(position));
    const { channelsEnd } = this.compact;
    for (let i = 0; i < channelsEnd; i++) this.details.announcement[i] = moved(this.details.announcement[i] ?? NOWHERE);
    for (let i = 0; i < 2 * channelsEnd; i++) this.details.update[i] = moved(this.details.update[i] ?? NOWHERE);
    for (const [id, { node, position }] of this.announced) this.announced.set(id, { node, position: moved(position) });
  }

  private rawAt(position = NOWHERE): Uint8Array | undefined {
    return position === NOWHERE ? undefined : this.messages.read(position);
  }

  /** The channel that this output funds. */
  fundedBy(txid: Uint8Array, vout: number): ShortChannelId | undefined {
    const number = this.details.fundedBy(txid, vout);
    return number === undefined ? undefined : shortChannelId(this.compact.scids[number] ?? 0n);
  }

  /** Whether a channel of this node is known: BOLT 7 ignores the node_announcement of any other. */
  hasChannel(id: NodeKey): boolean {
    return this.compact.nodeNumber(id) !== undefined;
  }

  /** Whether a channel of this node may be relayed. */
  hasAnnouncedChannel(id: NodeKey, now: number): boolean {
    const { compact } = this;
    const isTold = (direction: number) =>
      compact.told[direction] === 1 && isFresh({ timestamp: compact.timestamp[direction] ?? 0 }, now);
    for (const number of compact.channelsOf(id))
      if (!compact.isSpent(number) && (isTold(2 * number) || isTold(2 * number + 1))) return true;
    return false;
  }

  /** Channels funded from block `first` on and before block `end`, ascending. */
  between(first: number, end: number): readonly ShortChannelId[] {
    return this.ordered.between(lowestAt(first), lowestAt(end));
  }

  channelsOf(id: NodeKey): readonly GraphChannel[] {
    return [...this.compact.channelsOf(id)].map((number) => this.channelAt(number));
  }

  /** Adds a channel, or replaces it. `raw` is its channel_announcement, which a channel that is made up has not. */
  addChannel(channel: GraphChannel, raw?: Uint8Array): void {
    this.placeChannel(channel, raw === undefined ? NOWHERE : this.messages.channel(channel, raw));
  }

  /** As `addChannel`, of a channel_announcement that is kept already. */
  placeChannel(channel: GraphChannel, position: number): void {
    const { scid, funding, unknownFeature, spentAt, policies } = channel;
    const before = this.compact.channelNumber(scid);
    if (before !== undefined) this.details.remove(before);
    const number = this.compact.add(channel, (id) => this.announced.get(id)?.node.unknownFeature !== undefined);
    this.details.set(number, funding.txid, funding.vout, position, unknownFeature);
    for (const side of [0, 1] as const) this.details.checksum[2 * number + side] = policies[side]?.checksum ?? 0;
    this.ordered.add(scid);
    this.setSpent(scid, spentAt);
  }

  /** Removes a channel, and the nodes that have no other channel. */
  removeChannel(scid: ShortChannelId): void {
    if (this.compact.channelNumber(scid) === undefined) return;
    this.messages.removed(scid);
    this.dropChannel(scid);
  }

  /** As `removeChannel`, of a channel that is known to be gone where its messages are kept. */
  dropChannel(scid: ShortChannelId): void {
    const number = this.compact.channelNumber(scid);
    if (number === undefined) return;
    const { nodes } = this.channelAt(number);
    this.details.remove(number);
    this.compact.remove(scid);
    this.ordered.remove(scid);
    this.spent.delete(scid);
    for (const id of nodes) if (!this.hasChannel(id)) this.announced.delete(id);
  }

  /**
   * Replaces one side's policy; the caller has compared timestamps. Unknown channels are left alone. `raw` is its channel_update, which
   * one that is made up has not.
   */
  setPolicy(scid: ShortChannelId, side: Side, policy: Policy, raw?: Uint8Array): void {
    if (this.compact.channelNumber(scid) === undefined) return;
    this.placePolicy(scid, side, policy, raw === undefined ? NOWHERE : this.messages.policy(scid, side, raw));
  }

  /** As `setPolicy`, of a channel_update that is kept already. */
  placePolicy(scid: ShortChannelId, side: Side, policy: Policy, position: number): void {
    const number = this.compact.channelNumber(scid);
    if (number === undefined) return;
    this.compact.writePolicy(number, side, policy);
    this.details.update[2 * number + side] = position;
    this.details.checksum[2 * number + side] = policy.checksum;
  }

  /** Channels whose funding output is spent, and by the block of which height. */
  get spends(): ReadonlyMap<ShortChannelId, number> {
    return this.spent;
  }

  /** Sets the height of the block that spends a channel's funding output; undefined: it is unspent (again). */
  setSpent(scid: ShortChannelId, height: number | undefined): void {
    const number = this.compact.channelNumber(scid);
    if (number === undefined) return;
    if (height === undefined) this.spent.delete(scid);
    else this.spent.set(scid, height);
    this.details.spentAt[number] = height ?? NONE;
    this.compact.setSpent(number, height !== undefined);
  }

  /** Adds a node, or replaces it. `raw` is its node_announcement, which a node that is made up has not. */
  setNode(node: GraphNode, raw?: Uint8Array): void {
    this.placeNode(node, raw === undefined ? NOWHERE : this.messages.node(node.id, raw));
  }

  /** As `setNode`, of a node_announcement that is kept already. */
  placeNode(node: GraphNode, position: number): void {
    this.announced.set(node.id, { node, position });
    this.compact.setUnknownFeature(node.id, node.unknownFeature !== undefined);
  }
}

/** The first short_channel_id of a block; heights beyond the 24 bits of one count as the last. */
const lowestAt = (height: number): ShortChannelId => scidOf(Math.min(height, 0xff_ffff), 0, 0);

/** The key of a node id. */
export const nodeKey = (id: Point): NodeKey => hex(id);
