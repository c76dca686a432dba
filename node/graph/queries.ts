/**
 * Answering what others ask about the graph. BOLT 7, "Query Messages". Answers are cut so that each fits a message and are made
 * one at a time, so that whoever sends them can let others have their turn in between.
 */
import { equal } from '../../wire/bytes.ts';
import { encodeMessage, type MessageOf } from '../../wire/message.ts';
import { type ChainHash, type ShortChannelId, scidParts } from '../../wire/units.ts';
import { type Graph, type GraphChannel, isFresh, type NodeKey, toldPolicies } from './graph.ts';

/** Ids of 8 bytes that fit one reply beside everything else. */
const MAX_IDS = 8000;

interface Asked {
  readonly graph: Graph;
  readonly chainHash: ChainHash;
  /** Unix seconds. */
  readonly now: number;
}

/** A channel that others may ask for: not spent, and not one that both ends have left to itself. */
const isAnswered = (channel: GraphChannel | undefined, now: number): channel is GraphChannel => {
  if (channel === undefined || channel.spentAt !== undefined) return false;
  return toldPolicies(channel, now).length > 0 || channel.policies.every((policy) => policy === undefined);
};

/** Replies to `query_channel_range`: every public channel whose funding lies in these blocks, ascending. */
export function* rangeReplies(
  { graph, chainHash, now }: Asked,
  query: MessageOf<'query_channel_range'>,
): Generator<MessageOf<'reply_channel_range'>> {
  const { first_blocknum, number_of_blocks } = query;
  const base = { name: 'reply_channel_range', chain_hash: query.chain_hash } as const;
  if (!equal(query.chain_hash, chainHash)) {
    yield { ...base, first_blocknum, number_of_blocks, sync_complete: 1, encoded_short_ids: [] };
    return;
  }
  const end = first_blocknum + number_of_blocks;
  const heightOf = (scid: ShortChannelId) => scidParts(scid).height;
  const ids = graph.between(first_blocknum, end).filter((scid) => isAnswered(graph.channel(scid), now));
  let from = first_blocknum;
  for (let at = 0; at === 0 || at < ids.length; at += MAX_IDS) {
    const part = ids.slice(at, at + MAX_IDS);
    const [last, following] = [part.at(-1), ids[at + MAX_IDS]];
    const until = last === undefined || following === undefined ? end : heightOf(last) + 1;
    const more = following !== undefined;
    yield {
      ...base,
      first_blocknum: from,
      number_of_blocks: until - from,
      sync_complete: more ? 0 : 1,
      encoded_short_ids: part,
    };
    // A block whose channels did not fit is begun again by the next reply.
    from = more ? Math.min(until, heightOf(following)) : until;
  }
}

/** Whether a query names its flags once for each id, or none. */
export const isWellFormed = ({ encoded_short_ids, query_flags }: MessageOf<'query_short_channel_ids'>): boolean =>
  query_flags === undefined || query_flags.length === encoded_short_ids.length;

/** What `query_short_channel_ids` asks for, each id and each node once, as raw messages; the last one ends the answer. */
export function* idReplies(
  { graph, chainHash, now }: Asked,
  query: MessageOf<'query_short_channel_ids'>,
): Generator<Uint8Array> {
  const known = equal(query.chain_hash, chainHash);
  const wanted = new Map<ShortChannelId, bigint>();
  for (const [at, scid] of known ? query.encoded_short_ids.entries() : [])
    wanted.set(scid, (wanted.get(scid) ?? 0n) | (query.query_flags?.[at] ?? ALL_FLAGS));
  const nodes = new Set<NodeKey>();
  for (const [scid, flags] of wanted) {
    const channel = graph.channel(scid);
    if (!isAnswered(channel, now)) continue;
    if (flags & 1n) yield channel.raw;
    for (const side of [0, 1] as const) {
      const policy = channel.policies[side];
      if (policy !== undefined && isFresh(policy, now) && flags & (2n << BigInt(side))) yield policy.raw;
      if (flags & (8n << BigInt(side))) nodes.add(channel.nodes[side]);
    }
  }
  for (const id of nodes) {
    const node = graph.node(id);
    if (node !== undefined && !node.unfit && isFresh(node, now)) yield node.raw;
  }
  const full_information = known ? 1 : 0;
  yield encodeMessage({ name: 'reply_short_channel_ids_end', chain_hash: query.chain_hash, full_information });
}

/** Everything about a channel: what is asked for where a query says nothing else. */
const ALL_FLAGS = 0x1fn;
