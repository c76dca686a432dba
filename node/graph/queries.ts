/**
 * Answering what others ask about the graph. BOLT 7, "Query Messages". Answers are cut so that each fits a message, and a peer
 * is answered one question at a time: the promise holds its next message back.
 */
import { equal } from '../../wire/bytes.ts';
import type { Message, MessageOf } from '../../wire/message.ts';
import { type ChainHash, type ShortChannelId, scidParts } from '../../wire/units.ts';
import type { Graph, NodeKey } from './graph.ts';

/** Ids of 8 bytes that fit one reply beside everything else. */
const MAX_IDS = 8000;

/** Replies to `query_channel_range`: every public channel whose funding lies in these blocks, ascending. */
export const rangeReplies = (
  graph: Graph,
  chainHash: ChainHash,
  query: MessageOf<'query_channel_range'>,
): readonly MessageOf<'reply_channel_range'>[] => {
  const { first_blocknum, number_of_blocks } = query;
  const base = { name: 'reply_channel_range', chain_hash: query.chain_hash } as const;
  if (!equal(query.chain_hash, chainHash))
    return [{ ...base, first_blocknum, number_of_blocks, sync_complete: 0, encoded_short_ids: [] }];
  const end = first_blocknum + number_of_blocks;
  const heightOf = (scid: ShortChannelId) => scidParts(scid).height;
  const ids = [...graph.channels]
    .map(({ scid }) => scid)
    .filter((scid) => heightOf(scid) >= first_blocknum && heightOf(scid) < end)
    .sort((a, b) => (a < b ? -1 : 1));
  const replies: MessageOf<'reply_channel_range'>[] = [];
  let from = first_blocknum;
  do {
    let count = Math.min(ids.length, MAX_IDS);
    const last = ids[count];
    // A block's channels stay together: the next reply begins with the block after this one's last.
    const next = last === undefined ? end : heightOf(last);
    while (last !== undefined && count > 0 && heightOf(ids[count - 1] ?? last) === next) count--;
    const until = count === 0 && last !== undefined ? next + 1 : next;
    const part = ids.splice(0, count === 0 ? MAX_IDS : count);
    replies.push({
      ...base,
      first_blocknum: from,
      number_of_blocks: Math.max(0, until - from),
      sync_complete: 1,
      encoded_short_ids: part,
    });
    from = until;
  } while (ids.length > 0);
  return replies;
};

/** What `query_short_channel_ids` asks for, as raw messages, and the message that ends the answer. */
export const idReplies = (
  graph: Graph,
  chainHash: ChainHash,
  query: MessageOf<'query_short_channel_ids'>,
): { readonly raw: readonly Uint8Array[]; readonly end: Message } => {
  const known = equal(query.chain_hash, chainHash);
  const raw: Uint8Array[] = [];
  const nodes = new Set<NodeKey>();
  for (const [at, scid] of known ? query.encoded_short_ids.entries() : []) {
    const channel = graph.channel(scid);
    if (channel === undefined) continue;
    const flags = query.query_flags?.[at] ?? 0x1fn;
    if (flags & 1n) raw.push(channel.raw);
    channel.policies.forEach((policy, side) => {
      if (policy !== undefined && flags & (2n << BigInt(side))) raw.push(policy.raw);
    });
    channel.nodes.forEach((node, side) => {
      if (flags & (8n << BigInt(side))) nodes.add(node);
    });
  }
  for (const id of nodes) {
    const node = graph.node(id);
    if (node !== undefined) raw.push(node.raw);
  }
  const full_information = known ? 1 : 0;
  return { raw, end: { name: 'reply_short_channel_ids_end', chain_hash: query.chain_hash, full_information } };
};
