/**
 * Answers queries about the graph (BOLT 7, "Query Messages"). Replies are generated one at a time, each small enough for a message, so
 * that the sender can do other work in between.
 */
import { equal } from '../../wire/bytes.ts';
import { encodeMessage, type MessageOf } from '../../wire/message.ts';
import { type ChainHash, type ShortChannelId, scidParts } from '../../wire/units.ts';
import { type Graph, type GraphChannel, isFresh, type NodeKey, type Policy } from './graph.ts';

/** Most ids in one reply, which fit into a message with their timestamps and checksums, and take little time. */
export const MAX_IDS = 2000;

interface QueryContext {
  readonly graph: Graph;
  readonly chainHash: ChainHash;
  /** Unix seconds. */
  readonly now: number;
}

/** Whether a channel may be queried: unspent, and not stale (a channel without any policy yet is not). */
const isPublic = (channel: GraphChannel | undefined, now: number): channel is GraphChannel => {
  if (channel === undefined || channel.spentAt !== undefined) return false;
  const [one, other] = channel.policies;
  if (one === undefined && other === undefined) return true;
  return (one !== undefined && isFresh(one, now)) || (other !== undefined && isFresh(other, now));
};

/** What a query may ask to be told of each channel (`query_option_flags`). */
export const WANTS = { timestamps: 1n, checksums: 2n } as const;

type Pair = readonly [number, number];

/** Of each end's policy a number, 0 where there is none that would be sent. */
const ofPolicies = ({ policies }: GraphChannel, now: number, of: (policy: Policy) => number): Pair => {
  const [one, other] = policies.map((policy) => (policy !== undefined && isFresh(policy, now) ? of(policy) : 0));
  return [one ?? 0, other ?? 0];
};

/** The ids of a reply, and what the query wants to know of them. */
const listed = (
  part: readonly GraphChannel[],
  now: number,
  wants: bigint,
): Pick<MessageOf<'reply_channel_range'>, 'encoded_short_ids' | 'timestamps_tlv' | 'checksums_tlv'> => ({
  encoded_short_ids: part.map(({ scid }) => scid),
  ...((wants & WANTS.timestamps) !== 0n && {
    timestamps_tlv: part.map((channel) => {
      const [one, other] = ofPolicies(channel, now, ({ timestamp }) => timestamp);
      return { timestamp_node_id_1: one, timestamp_node_id_2: other };
    }),
  }),
  ...((wants & WANTS.checksums) !== 0n && {
    checksums_tlv: part.map((channel) => {
      const [one, other] = ofPolicies(channel, now, ({ checksum }) => checksum);
      return { checksum_node_id_1: one, checksum_node_id_2: other };
    }),
  }),
});

/** Replies to `query_channel_range`: every public channel whose funding lies in these blocks, ascending. */
export function* channelRangeReplies(
  { graph, chainHash, now }: QueryContext,
  query: MessageOf<'query_channel_range'>,
): Generator<MessageOf<'reply_channel_range'>> {
  const { first_blocknum } = query;
  // A query for no block gets no reply, since a reply has to cover at least one.
  const number_of_blocks = Math.max(1, query.number_of_blocks);
  const base = { name: 'reply_channel_range', chain_hash: query.chain_hash } as const;
  if (!equal(query.chain_hash, chainHash)) {
    yield { ...base, first_blocknum, number_of_blocks, sync_complete: 1, encoded_short_ids: [] };
    return;
  }
  const end = first_blocknum + number_of_blocks;
  const heightOf = (scid: ShortChannelId) => scidParts(scid).height;
  const ids = graph.between(first_blocknum, end);
  let from = first_blocknum;
  const wants = query.query_option ?? 0n;
  let part: GraphChannel[] = [];
  for (const id of ids) {
    const channel = graph.channel(id);
    if (!isPublic(channel, now)) continue;
    const last = part.at(-1)?.scid;
    if (last !== undefined && part.length === MAX_IDS) {
      const until = heightOf(last) + 1;
      const covered = { first_blocknum: from, number_of_blocks: until - from };
      yield { ...base, ...covered, sync_complete: 0, ...listed(part, now, wants) };
      // The next reply begins with the block whose channels did not all fit.
      from = Math.min(until, heightOf(id));
      part = [];
    }
    part.push(channel);
  }
  const covered = { first_blocknum: from, number_of_blocks: end - from };
  yield { ...base, ...covered, sync_complete: 1, ...listed(part, now, wants) };
}

/** Whether a query names its flags once for each id, or none. */
export const isWellFormed = ({ encoded_short_ids, query_flags }: MessageOf<'query_short_channel_ids'>): boolean =>
  query_flags === undefined || query_flags.length === encoded_short_ids.length;

/** What `query_short_channel_ids` asks for, each id and each node once, as raw messages; the last one ends the answer. */
export function* shortChannelIdReplies(
  { graph, chainHash, now }: QueryContext,
  query: MessageOf<'query_short_channel_ids'>,
): Generator<Uint8Array> {
  const known = equal(query.chain_hash, chainHash);
  const wanted = new Map<ShortChannelId, bigint>();
  for (const [at, scid] of known ? query.encoded_short_ids.entries() : [])
    wanted.set(scid, (wanted.get(scid) ?? 0n) | (query.query_flags?.[at] ?? ALL_FLAGS));
  const nodes = new Set<NodeKey>();
  for (const [scid, flags] of wanted) {
    const channel = graph.channel(scid);
    if (!isPublic(channel, now)) continue;
    const announcement = flags & 1n ? graph.rawChannel(scid) : undefined;
    if (announcement !== undefined) yield announcement;
    for (const side of [0, 1] as const) {
      const policy = channel.policies[side];
      const isAsked = policy !== undefined && isFresh(policy, now) && flags & (2n << BigInt(side));
      const update = isAsked ? graph.rawPolicy(scid, side) : undefined;
      if (update !== undefined) yield update;
      if (flags & (8n << BigInt(side))) nodes.add(channel.nodes[side]);
    }
  }
  for (const id of nodes) {
    const node = graph.node(id);
    const raw = node !== undefined && !node.notRelayed && isFresh(node, now) ? graph.rawNode(id) : undefined;
    if (raw !== undefined) yield raw;
  }
  const full_information = known ? 1 : 0;
  yield encodeMessage({ name: 'reply_short_channel_ids_end', chain_hash: query.chain_hash, full_information });
}

/** All messages of a channel: the default where a query has no flags. */
const ALL_FLAGS = 0x1fn;
