/**
 * Checks a peer's answer to `query_channel_range` (BOLT 7) reply by reply. What a peer leaves out nobody can see; but it may send too
 * much, go in circles, or never end: then it is asked no more.
 */
import { equal } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { type ShortChannelId, scidParts, scidText } from '../../wire/units.ts';

/** Most channels of one answer: several times as many as the network has. */
export const MAX_LISTED = 500_000;
/** Most replies of one answer. An honest peer sends one for some thousand channels. */
export const MAX_REPLIES = 2_000;
/** Seconds in which a peer has to show all that it listed. What came until then stays, and the next peer is asked for the rest. */
export const MAX_SECONDS = 1_800;

/** What came of a reply: `fault` says what is wrong with it. */
export type RangeStep = 'more' | 'done' | { readonly fault: string };

export class RangeAnswer {
  private readonly query: MessageOf<'query_channel_range'>;
  private replies = 0;
  private first = 0;
  private last: ShortChannelId | undefined;
  /** How many channels were listed so far. */
  listed = 0;

  constructor(query: MessageOf<'query_channel_range'>) {
    this.query = query;
  }

  /** Takes the next reply. Once it is done or at fault, none may be given any more. */
  take(reply: MessageOf<'reply_channel_range'>): RangeStep {
    const fault = this.faultOf(reply);
    if (fault !== undefined) return { fault };
    this.replies++;
    this.first = reply.first_blocknum;
    this.listed += reply.encoded_short_ids.length;
    this.last = reply.encoded_short_ids.at(-1) ?? this.last;
    // The last block may be shared by several replies, so it is not enough to have come to it.
    return endOf(reply) >= endOf(this.query) && reply.sync_complete !== 0 ? 'done' : 'more';
  }

  private faultOf(reply: MessageOf<'reply_channel_range'>): string | undefined {
    const { query } = this;
    const { first_blocknum: first, encoded_short_ids: ids, timestamps_tlv, checksums_tlv } = reply;
    if (!equal(reply.chain_hash, query.chain_hash)) return 'chain_hash is not that of the query';
    if (this.replies >= MAX_REPLIES) return `more than ${MAX_REPLIES} replies to one query`;
    if (this.listed + ids.length > MAX_LISTED) return `more than ${MAX_LISTED} channels in one answer`;
    if (first < this.first) return `first_blocknum is ${first} after ${this.first}`;
    if (first >= endOf(query) || endOf(reply) <= query.first_blocknum)
      return `blocks ${first} to ${endOf(reply)} were not asked for`;
    if (timestamps_tlv !== undefined && timestamps_tlv.length !== ids.length)
      return `${timestamps_tlv.length} timestamps for ${ids.length} channels`;
    if (checksums_tlv !== undefined && checksums_tlv.length !== ids.length)
      return `${checksums_tlv.length} checksums for ${ids.length} channels`;
    return this.orderFault(reply);
  }

  /** BOLT 7: ids ascend. Over the whole answer, too, or it could list the same ones for ever. */
  private orderFault(reply: MessageOf<'reply_channel_range'>): string | undefined {
    let last = this.last;
    for (const id of reply.encoded_short_ids) {
      if (last !== undefined && id <= last) return `channel ${scidText(id)} follows ${scidText(last)}`;
      const { height } = scidParts(id);
      if (height < reply.first_blocknum || height >= endOf(reply))
        return `channel ${scidText(id)} is not in blocks ${reply.first_blocknum} to ${endOf(reply)}`;
      last = id;
    }
    return undefined;
  }
}

/** The block behind the last one of a query or a reply. */
const endOf = (m: { readonly first_blocknum: number; readonly number_of_blocks: number }): number =>
  m.first_blocknum + m.number_of_blocks;
