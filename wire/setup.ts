/** The messages of BOLT 1: setup, control, errors, peer storage. */
import { address } from './address.ts';
import { bytes16, u16 } from './codec.ts';
import { chainHashes, channelId, featureBits } from './fields.ts';
import { message } from './row.ts';

export const setupMessages = {
  /** `channel_id` zero: about the connection, not a channel. */
  warning: message(1, { channel_id: channelId, data: bytes16 }),
  peer_storage: message(7, { blob: bytes16 }),
  peer_storage_retrieval: message(9, { blob: bytes16 }),
  /** The two bitmaps are to be joined by `or`. */
  init: message(
    16,
    { globalfeatures: featureBits, features: featureBits },
    { networks: { type: 1n, codec: chainHashes }, remote_addr: { type: 3n, codec: address } },
  ),
  /** `channel_id` zero: about all channels with the peer. */
  error: message(17, { channel_id: channelId, data: bytes16 }),
  ping: message(18, { num_pong_bytes: u16, ignored: bytes16 }),
  pong: message(19, { ignored: bytes16 }),
} as const;
