/**
 * The graph as numbers in typed arrays, for searches that look at tens of thousands of channels. Nodes and channels have numbers, which
 * are used again once they are free. Direction `2 * channel + side` is that from the channel's node of this side to the other one;
 * the graph (graph.ts) keeps all of it up to date.
 */
import type { Point, ShortChannelId } from '../../wire/units.ts';
import { nodeOfKey } from './nodekeys.ts';

/** A node id as a key: 66 hex digits. */
type NodeKey = string;

/** What a search wants to know of a policy. Amounts in msat. */
export interface CompactPolicy {
  readonly timestamp: number;
  readonly cltvExpiryDelta: number;
  readonly htlcMinimum: bigint;
  readonly htlcMaximum: bigint;
  readonly feeBase: bigint;
  readonly feeProportional: number;
  readonly disabled: boolean;
}

/** What it wants to know of a channel. The capacity in sat. */
export interface CompactChannel {
  readonly scid: ShortChannelId;
  readonly nodes: readonly [NodeKey, NodeKey];
  readonly capacity: bigint;
  readonly unknownFeature?: number | undefined;
  readonly policies: readonly [CompactPolicy | undefined, CompactPolicy | undefined];
  readonly spentAt?: number | undefined;
}

/** No number: the end of a list, or what is not known. */
export const NONE = -1;

/** What a channel is like, as bits. */
const UNKNOWN_FEATURE = 1;
const SPENT = 2;

type TypedArray = Int32Array | Uint32Array | Uint8Array | Uint16Array | Float64Array | BigUint64Array;

/** An array of at least `length` with the same beginning. */
export const grown = <T extends TypedArray>(array: T, length: number): T => {
  if (array.length >= length) return array;
  const larger = new (array.constructor as new (length: number) => T)(Math.max(length, 2 * array.length));
  larger.set(array as never);
  return larger;
};

/** Numbers that are handed out, those given back first. */
class Numbers {
  /** One more than the highest that was ever handed out. */
  end = 0;
  private readonly free: number[] = [];

  take(): number {
    return this.free.pop() ?? this.end++;
  }

  giveBack(number: number): void {
    this.free.push(number);
  }
}

export class CompactGraph {
  /** By direction: the node it leads away from. Its other end is that of direction `d ^ 1`. */
  from = new Int32Array(64);
  /** By direction: the next one away from the same node, NONE at the end. */
  nextFrom = new Int32Array(64);
  /** By direction, 1: there is a policy, and it is not disabled. */
  enabled = new Uint8Array(64);
  /** By direction, 1: there is a policy. */
  told = new Uint8Array(64);
  /** By direction, of its policy. Amounts in msat; the maximum is at most the channel's capacity. */
  minimum = new Float64Array(64);
  maximum = new Float64Array(64);
  feeBase = new Float64Array(64);
  feeProportional = new Uint32Array(64);
  delay = new Uint16Array(64);
  timestamp = new Uint32Array(64);
  /** By channel. */
  scids = new BigUint64Array(32);
  /** In msat. */
  capacity = new Float64Array(32);
  private marks = new Uint8Array(32);
  /** By node: the first direction away from it, NONE where there is none. */
  first = new Int32Array(32).fill(NONE);
  /** By node, 1: it requires a feature that this node does not know. */
  unknownFeature = new Uint8Array(32);
  private readonly keys: (NodeKey | undefined)[] = [];
  /** Of nodes that were asked for. */
  private readonly points: (Point | undefined)[] = [];
  private readonly nodeNumbers = new Map<NodeKey, number>();
  private readonly channelNumbers = new Map<ShortChannelId, number>();
  private readonly nodes = new Numbers();
  private readonly channels = new Numbers();

  /** One more than the highest number of a node. */
  get nodesEnd(): number {
    return this.nodes.end;
  }

  /** One more than the highest number of a channel. */
  get channelsEnd(): number {
    return this.channels.end;
  }

  /** The number of a node that has a channel. */
  nodeNumber(key: NodeKey): number | undefined {
    return this.nodeNumbers.get(key);
  }

  /** The node with this number. Throws RangeError where there is none. */
  key(node: number): NodeKey {
    const key = this.keys[node];
    if (key === undefined) throw new RangeError(`there is no node ${node} in the graph`);
    return key;
  }

  /** Its id, the same array each time. Throws RangeError where there is none. */
  point(node: number): Point {
    const known = this.points[node];
    if (known !== undefined) return known;
    const id = nodeOfKey(this.key(node));
    this.points[node] = id;
    return id;
  }

  channelNumber(scid: ShortChannelId): number | undefined {
    return this.channelNumbers.get(scid);
  }

  /** How many channels there are. */
  get count(): number {
    return this.channelNumbers.size;
  }

  /** The short_channel_ids of all channels. */
  get all(): Iterable<ShortChannelId> {
    return this.channelNumbers.keys();
  }

  /** Every node that has a channel. */
  get allNodes(): Iterable<NodeKey> {
    return this.nodeNumbers.keys();
  }

  /** The channels of a node, by number. */
  *channelsOf(key: NodeKey): Generator<number> {
    const node = this.nodeNumbers.get(key);
    if (node === undefined) return;
    for (let at = this.first[node] ?? NONE; at !== NONE; at = this.nextFrom[at] ?? NONE) yield at >> 1;
  }

  /** The direction of a channel away from a node. */
  direction(scid: ShortChannelId, from: NodeKey): number | undefined {
    const channel = this.channelNumbers.get(scid);
    const node = this.nodeNumbers.get(from);
    if (channel === undefined || node === undefined) return undefined;
    return [2 * channel, 2 * channel + 1].find((direction) => this.from[direction] === node);
  }

  /** Whether a node has a channel with another one than `us`. */
  hasOtherNeighbour(key: NodeKey, us: number | undefined): boolean {
    const node = this.nodeNumbers.get(key);
    if (node === undefined) return false;
    for (let at = this.first[node] ?? NONE; at !== NONE; at = this.nextFrom[at] ?? NONE)
      if (this.from[at ^ 1] !== us) return true;
    return false;
  }

  isSpent(channel: number): boolean {
    return ((this.marks[channel] ?? 0) & SPENT) !== 0;
  }

  /** An even feature bit of the channel is not known to this node. */
  hasUnknownFeature(channel: number): boolean {
    return ((this.marks[channel] ?? 0) & UNKNOWN_FEATURE) !== 0;
  }

  private makeRoom(): void {
    const directions = 2 * this.channels.end;
    this.from = grown(this.from, directions);
    this.nextFrom = grown(this.nextFrom, directions);
    this.enabled = grown(this.enabled, directions);
    this.told = grown(this.told, directions);
    this.minimum = grown(this.minimum, directions);
    this.maximum = grown(this.maximum, directions);
    this.feeBase = grown(this.feeBase, directions);
    this.feeProportional = grown(this.feeProportional, directions);
    this.delay = grown(this.delay, directions);
    this.timestamp = grown(this.timestamp, directions);
    this.scids = grown(this.scids, this.channels.end);
    this.capacity = grown(this.capacity, this.channels.end);
    this.marks = grown(this.marks, this.channels.end);
    this.first = grown(this.first, this.nodes.end);
    this.unknownFeature = grown(this.unknownFeature, this.nodes.end);
  }

  private numberOf(key: NodeKey, hasUnknownFeature: boolean): number {
    const known = this.nodeNumbers.get(key);
    if (known !== undefined) return known;
    const node = this.nodes.take();
    this.makeRoom();
    this.nodeNumbers.set(key, node);
    this.keys[node] = key;
    this.first[node] = NONE;
    this.unknownFeature[node] = hasUnknownFeature ? 1 : 0;
    return node;
  }

  /**
   * Adds a channel, or replaces it, and returns its number. `strange` tells of a node whether it requires a feature that this node does
   * not know.
   */
  add(channel: CompactChannel, strange: (key: NodeKey) => boolean): number {
    this.remove(channel.scid);
    const number = this.channels.take();
    this.channelNumbers.set(channel.scid, number);
    this.makeRoom();
    this.scids[number] = channel.scid;
    this.capacity[number] = Number(channel.capacity) * 1000;
    channel.nodes.forEach((key, side) => {
      const node = this.numberOf(key, strange(key));
      const direction = 2 * number + side;
      this.from[direction] = node;
      this.nextFrom[direction] = this.first[node] ?? NONE;
      this.first[node] = direction;
    });
    this.change(channel);
    return number;
  }

  /** Takes over what a channel's policies and its funding output are now. */
  private change(channel: CompactChannel): void {
    const number = this.channelNumbers.get(channel.scid);
    if (number === undefined) return;
    const isStrange = channel.unknownFeature !== undefined;
    this.marks[number] = (isStrange ? UNKNOWN_FEATURE : 0) | (channel.spentAt === undefined ? 0 : SPENT);
    for (const side of [0, 1] as const) this.writePolicy(number, side, channel.policies[side]);
  }

  /** Takes over what a channel's policy is now. */
  writePolicy(number: number, side: 0 | 1, policy: CompactPolicy | undefined): void {
    const direction = 2 * number + side;
    this.told[direction] = policy === undefined ? 0 : 1;
    this.enabled[direction] = policy === undefined || policy.disabled ? 0 : 1;
    if (policy === undefined) return;
    this.minimum[direction] = Number(policy.htlcMinimum);
    this.maximum[direction] = Math.min(Number(policy.htlcMaximum), this.capacity[number] ?? 0);
    this.feeBase[direction] = Number(policy.feeBase);
    this.feeProportional[direction] = policy.feeProportional;
    this.delay[direction] = policy.cltvExpiryDelta;
    this.timestamp[direction] = policy.timestamp;
  }

  /** Takes over whether a channel's funding output is spent. */
  setSpent(number: number, isSpent: boolean): void {
    this.marks[number] = ((this.marks[number] ?? 0) & ~SPENT) | (isSpent ? SPENT : 0);
  }

  remove(scid: ShortChannelId): void {
    const number = this.channelNumbers.get(scid);
    if (number === undefined) return;
    this.channelNumbers.delete(scid);
    for (const direction of [2 * number, 2 * number + 1]) this.unlink(direction);
    this.channels.giveBack(number);
  }

  private unlink(direction: number): void {
    const node = this.from[direction] ?? NONE;
    const next = this.nextFrom[direction] ?? NONE;
    this.enabled[direction] = 0;
    this.told[direction] = 0;
    if (this.first[node] === direction) this.first[node] = next;
    else
      for (let at = this.first[node] ?? NONE; at !== NONE; at = this.nextFrom[at] ?? NONE)
        if (this.nextFrom[at] === direction) {
          this.nextFrom[at] = next;
          break;
        }
    if (this.first[node] !== NONE) return;
    this.nodeNumbers.delete(this.key(node));
    this.keys[node] = undefined;
    this.points[node] = undefined;
    this.nodes.giveBack(node);
  }

  /** Takes over whether a node requires a feature that this node does not know. */
  setUnknownFeature(key: NodeKey, hasUnknownFeature: boolean): void {
    const node = this.nodeNumbers.get(key);
    if (node !== undefined) this.unknownFeature[node] = hasUnknownFeature ? 1 : 0;
  }
}
