/**
 * The messages of BOLT 7: announcing channels and nodes, and asking for what others announced. Lists are sent uncompressed;
 * the zlib encoding (1) is refused, as the BOLT now forbids it.
 */
import { addresses } from './address.ts';
import { bytes16, type Codec, decode, encode, many, type Reader, struct, u8, u16, u32, WireError } from './codec.ts';
import {
  bytes32,
  chainHash,
  channelId,
  featureBits,
  msat,
  msat32,
  point,
  rgb,
  shortChannelId,
  signature,
} from './fields.ts';
import { message } from './row.ts';
import { bigsize } from './tlv.ts';
import type { ShortChannelId } from './units.ts';

/** A list behind the byte that says how it is encoded, filling its run. */
const encoded = <T>(items: Codec<readonly T[]>): Codec<readonly T[]> => {
  return {
    write: (w, values) => {
      u8.write(w, 0);
      items.write(w, values);
    },
    read: (r) => {
      if (r.left === 0) return [];
      const encoding = r.uint(1);
      if (encoding !== 0)
        throw new WireError({ code: 'invalid_value', expected: `encoding type 0 (uncompressed), got ${encoding}` });
      return items.read(r);
    },
  };
};
/** The same behind a u16 length. */
const encoded16 = <T>(items: Codec<readonly T[]>): Codec<readonly T[]> => {
  const run = encoded(items);
  return {
    write: (w, values) => bytes16.write(w, encode(run, values)),
    read: (r: Reader) => decode(run, bytes16.read(r)),
  };
};

/** Many ids are written as one run: there may be thousands in an answer that somebody else asked for. */
const idRun: Codec<readonly ShortChannelId[]> = {
  write: (w, ids) => {
    const out = new Uint8Array(8 * ids.length);
    const view = new DataView(out.buffer);
    for (const [at, id] of ids.entries()) view.setBigUint64(8 * at, id);
    w.bytes(out);
  },
  read: many(shortChannelId).read,
};
export const shortIds = encoded16(idRun);
/** What is asked about each id: bit 0 its announcement, 1 and 2 the updates, 3 and 4 the node announcements. */
export const queryFlags = encoded(many(bigsize));
export const timestamps = encoded(many(struct({ timestamp_node_id_1: u32, timestamp_node_id_2: u32 })));
export const checksums = many(struct({ checksum_node_id_1: u32, checksum_node_id_2: u32 }));

export const gossipMessages = {
  channel_announcement: message(256, {
    node_signature_1: signature,
    node_signature_2: signature,
    bitcoin_signature_1: signature,
    bitcoin_signature_2: signature,
    features: featureBits,
    chain_hash: chainHash,
    short_channel_id: shortChannelId,
    node_id_1: point,
    node_id_2: point,
    bitcoin_key_1: point,
    bitcoin_key_2: point,
  }),
  node_announcement: message(257, {
    signature,
    features: featureBits,
    timestamp: u32,
    node_id: point,
    rgb_color: rgb,
    alias: bytes32,
    addresses,
  }),
  channel_update: message(258, {
    signature,
    chain_hash: chainHash,
    short_channel_id: shortChannelId,
    timestamp: u32,
    message_flags: u8,
    channel_flags: u8,
    cltv_expiry_delta: u16,
    htlc_minimum_msat: msat,
    fee_base_msat: msat32,
    fee_proportional_millionths: u32,
    htlc_maximum_msat: msat,
  }),
  announcement_signatures: message(259, {
    channel_id: channelId,
    short_channel_id: shortChannelId,
    node_signature: signature,
    bitcoin_signature: signature,
  }),

  query_short_channel_ids: message(
    261,
    { chain_hash: chainHash, encoded_short_ids: shortIds },
    { query_flags: { type: 1n, codec: queryFlags } },
  ),
  reply_short_channel_ids_end: message(262, { chain_hash: chainHash, full_information: u8 }),
  query_channel_range: message(
    263,
    { chain_hash: chainHash, first_blocknum: u32, number_of_blocks: u32 },
    { query_option: { type: 1n, codec: bigsize } },
  ),
  reply_channel_range: message(
    264,
    {
      chain_hash: chainHash,
      first_blocknum: u32,
      number_of_blocks: u32,
      sync_complete: u8,
      encoded_short_ids: shortIds,
    },
    { timestamps_tlv: { type: 1n, codec: timestamps }, checksums_tlv: { type: 3n, codec: checksums } },
  ),
  gossip_timestamp_filter: message(265, { chain_hash: chainHash, first_timestamp: u32, timestamp_range: u32 }),
} as const;
