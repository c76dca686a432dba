/**
 * What is asked of a peer after it listed its channels (BOLT 7, `query_short_channel_ids`): channels that are not known here, and the
 * policies that are newer and state something else. What it listed before and could not show it is not asked for again until it
 * claims to have something newer; others are asked, since anybody may list what others have and show nothing.
 */
import type { MessageOf } from '../../wire/message.ts';
import { type ShortChannelId, shortChannelId } from '../../wire/units.ts';
import { NONE } from './compact.ts';
import { type Graph, type GraphChannel, isFresh, type NodeKey, STALE_AFTER } from './graph.ts';

/** Bits of a query flag. */
export const ASK = { announcement: 1, updates: [2, 4], nodes: [8, 16] } as const;

/** Channels remembered that were listed and never shown. */
const MAX_ZOMBIES = 50_000;
/** Age from which on what is known here is renewed even if nothing has changed, before it counts as abandoned. */
const RENEW_AFTER = STALE_AFTER / 2;

/** A list of ids to ask for, each with its flags and the newest timestamp that its peer claims. */
export class Wanted {
  length = 0;
  private ids = new BigUint64Array(64);
  private flagBits = new Uint8Array(64);
  private times = new Uint32Array(64);

  add(id: ShortChannelId, flags: number, time: number): void {
    if (this.length === this.ids.length) {
      const more = 2 * this.length;
      const { ids, flagBits, times } = this;
      this.ids = new BigUint64Array(more);
      this.ids.set(ids);
      this.flagBits = new Uint8Array(more);
      this.flagBits.set(flagBits);
      this.times = new Uint32Array(more);
      this.times.set(times);
    }
    this.ids[this.length] = id;
    this.flagBits[this.length] = flags;
    this.times[this.length] = time;
    this.length++;
  }

  /** Ids and flags from one place up to another. */
  slice(from: number, to: number): { readonly ids: readonly ShortChannelId[]; readonly flags: readonly bigint[] } {
    const end = Math.min(to, this.length);
    const ids = Array.from(this.ids.subarray(from, end), shortChannelId);
    return { ids, flags: Array.from(this.flagBits.subarray(from, end), BigInt) };
  }

  /** Calls `see` with each id, and the newest timestamp claimed for it. */
  forEach(see: (id: ShortChannelId, time: number) => void): void {
    for (let at = 0; at < this.length; at++) see(shortChannelId(this.ids[at] ?? 0n), this.times[at] ?? 0);
  }
}

/** What a reply says of one channel; a peer without `gossip_queries_ex` says nothing but its id. */
interface Listed {
  readonly id: ShortChannelId;
  readonly times: readonly [number, number] | undefined;
  readonly sums: readonly [number, number] | undefined;
}

function* listedIn(reply: MessageOf<'reply_channel_range'>): Generator<Listed> {
  for (const [at, id] of reply.encoded_short_ids.entries()) {
    const [times, sums] = [reply.timestamps_tlv?.[at], reply.checksums_tlv?.[at]];
    yield {
      id,
      times: times && [times.timestamp_node_id_1, times.timestamp_node_id_2],
      sums: sums && [sums.checksum_node_id_1, sums.checksum_node_id_2],
    };
  }
}

/** The flags with which to ask for a channel; 0 for one of which there is nothing new. */
const flagsFor = (channel: GraphChannel | undefined, { times, sums }: Listed, now: number): number => {
  if (times === undefined) return channel === undefined ? ASK.announcement | ASK.updates[0] | ASK.updates[1] : 0;
  let flags = 0;
  for (const side of [0, 1] as const) {
    const timestamp = times[side];
    if (timestamp === 0 || !isFresh({ timestamp }, now)) continue;
    const ours = channel?.policies[side];
    if (ours === undefined) flags |= ASK.updates[side];
    else if (timestamp > ours.timestamp) {
      const says = sums?.[side];
      const isSame = says !== undefined && says === ours.checksum && ours.timestamp > now - RENEW_AFTER;
      if (!isSame) flags |= ASK.updates[side];
    }
  }
  // A channel without any policy that may be used is nothing to us.
  return flags !== 0 && channel === undefined ? flags | ASK.announcement : flags;
};

/** A channel that is not to be asked for. */
interface Zombie {
  /** The newest timestamp that was claimed of it. */
  readonly time: number;
  /** The peer that did not show it; nobody is asked for one that is out of date. */
  readonly by: NodeKey | undefined;
}

export class Wants {
  private readonly graph: Graph;
  private readonly now: () => number;
  private readonly zombies = new Map<ShortChannelId, Zombie>();

  constructor(graph: Graph, now: () => number) {
    this.graph = graph;
    this.now = now;
  }

  /** How many channels are remembered that were listed and never shown. */
  get remembered(): number {
    return this.zombies.size;
  }

  /** Adds to a list what a peer is to be asked for of its reply. */
  compare(peer: NodeKey, reply: MessageOf<'reply_channel_range'>, wanted: Wanted): void {
    for (const one of listedIn(reply)) {
      const channel = this.graph.channel(one.id);
      const newest = Math.max(...(one.times ?? [0]));
      if (channel === undefined && this.isZombie(peer, one.id, newest)) continue;
      const flags = flagsFor(channel, one, this.now());
      if (flags !== 0) wanted.add(one.id, flags, newest);
    }
  }

  /** Whether a peer was asked for a channel in vain, or it is out of date, and nothing newer is claimed of it. */
  isZombie(peer: NodeKey, id: ShortChannelId, newest: number): boolean {
    const known = this.zombies.get(id);
    return known !== undefined && newest <= known.time && (known.by === undefined || known.by === peer);
  }

  /** All that a peer was asked for has come: it is not asked again for what is still unknown, unless that is only too young. */
  asked(peer: NodeKey, wanted: Wanted, isTooYoung: (id: ShortChannelId) => boolean): void {
    wanted.forEach((id, time) => {
      this.zombies.delete(id);
      if (this.graph.compact.channelNumber(id) === undefined && !isTooYoung(id)) this.left(id, time, peer);
    });
  }

  /** Nobody, or one peer, is to be asked for a channel until something newer than that is claimed of it. */
  left(id: ShortChannelId, time: number, by?: NodeKey): void {
    this.zombies.delete(id);
    this.zombies.set(id, { time, by });
    const [oldest] = this.zombies.keys();
    if (this.zombies.size > MAX_ZOMBIES && oldest !== undefined) this.zombies.delete(oldest);
  }

  /**
   * For each node whose announcement is missing, or old, one of its channels: by channels a node would be asked for as often as it
   * has some.
   */
  nodes(): Wanted {
    const { compact } = this.graph;
    const asked = new Map<ShortChannelId, number>();
    for (const key of this.graph.ids) {
      const known = this.graph.node(key);
      if (known !== undefined && known.timestamp > this.now() - RENEW_AFTER) continue;
      const number = compact.nodeNumber(key);
      let direction = number === undefined ? NONE : (compact.first[number] ?? NONE);
      while (direction !== NONE && compact.isSpent(direction >> 1)) direction = compact.nextFrom[direction] ?? NONE;
      const scid = compact.scids[direction >> 1];
      if (direction === NONE || scid === undefined) continue;
      const id = shortChannelId(scid);
      asked.set(id, (asked.get(id) ?? 0) | ASK.nodes[direction & 1 ? 1 : 0]);
    }
    const wanted = new Wanted();
    for (const [id, flags] of [...asked].sort(([a], [b]) => (a < b ? -1 : 1))) wanted.add(id, flags, 0);
    return wanted;
  }
}

/** The newest timestamp of a policy in the graph, up to now; 0 where there is none. */
export const newestTimestamp = ({ compact }: Graph, now: number): number => {
  let newest = 0;
  for (let channel = 0; channel < compact.channelsEnd; channel++)
    for (const direction of [2 * channel, 2 * channel + 1]) {
      const timestamp = compact.timestamp[direction] ?? 0;
      if (compact.told[direction] === 1 && timestamp <= now && timestamp > newest) newest = timestamp;
    }
  return newest;
};
