/** The messages of BOLT 2: opening, operating, closing and re-establishing a channel, as version 1 of the opening has them. */
import { bytes16, u8, u16, u32, u64 } from './codec.ts';
import {
  attributionData,
  boundedMsat,
  boundedSat,
  bytes32,
  chainHash,
  channelId,
  featureRecord,
  feeRange,
  fundingLocked,
  msat,
  onionPacket,
  paymentHash,
  point,
  preimage,
  script,
  scriptRecord,
  secretKey,
  shortChannelId,
  signature,
  signatures,
  txid,
} from './fields.ts';
import { message } from './row.ts';

const basepoints = {
  funding_pubkey: point,
  revocation_basepoint: point,
  payment_basepoint: point,
  delayed_payment_basepoint: point,
  htlc_basepoint: point,
  first_per_commitment_point: point,
};
const opening = {
  upfront_shutdown_script: { type: 0n, codec: scriptRecord },
  channel_type: { type: 1n, codec: featureRecord },
};
const closing = {
  channel_id: channelId,
  closer_scriptpubkey: script,
  closee_scriptpubkey: script,
  fee_satoshis: boundedSat,
  locktime: u32,
};
const closingSignatures = {
  closer_output_only: { type: 1n, codec: signature },
  closee_output_only: { type: 2n, codec: signature },
  closer_and_closee_outputs: { type: 3n, codec: signature },
};
const attribution = { attribution_data: { type: 1n, codec: attributionData } };

export const peerMessages = {
  stfu: message(2, { channel_id: channelId, initiator: u8 }),

  open_channel: message(
    32,
    {
      chain_hash: chainHash,
      temporary_channel_id: channelId,
      funding_satoshis: boundedSat,
      push_msat: boundedMsat,
      dust_limit_satoshis: boundedSat,
      max_htlc_value_in_flight_msat: msat,
      channel_reserve_satoshis: boundedSat,
      htlc_minimum_msat: msat,
      feerate_per_kw: u32,
      to_self_delay: u16,
      max_accepted_htlcs: u16,
      ...basepoints,
      channel_flags: u8,
    },
    opening,
  ),
  accept_channel: message(
    33,
    {
      temporary_channel_id: channelId,
      dust_limit_satoshis: boundedSat,
      max_htlc_value_in_flight_msat: msat,
      channel_reserve_satoshis: boundedSat,
      htlc_minimum_msat: msat,
      minimum_depth: u32,
      to_self_delay: u16,
      max_accepted_htlcs: u16,
      ...basepoints,
    },
    opening,
  ),
  funding_created: message(34, {
    temporary_channel_id: channelId,
    funding_txid: txid,
    funding_output_index: u16,
    signature,
  }),
  funding_signed: message(35, { channel_id: channelId, signature }),
  /** The record is `short_channel_id` in the BOLT; the name of its one field says which of a channel's ids it is. */
  channel_ready: message(
    36,
    { channel_id: channelId, second_per_commitment_point: point },
    { alias: { type: 1n, codec: shortChannelId } },
  ),

  shutdown: message(38, { channel_id: channelId, scriptpubkey: script }),
  closing_signed: message(
    39,
    { channel_id: channelId, fee_satoshis: boundedSat, signature },
    { fee_range: { type: 1n, codec: feeRange } },
  ),
  closing_complete: message(40, closing, closingSignatures),
  closing_sig: message(41, closing, closingSignatures),

  update_add_htlc: message(
    128,
    {
      channel_id: channelId,
      id: u64,
      amount_msat: boundedMsat,
      payment_hash: paymentHash,
      cltv_expiry: u32,
      onion_routing_packet: onionPacket,
    },
    { blinded_path: { type: 0n, codec: point } },
  ),
  update_fulfill_htlc: message(130, { channel_id: channelId, id: u64, payment_preimage: preimage }, attribution),
  update_fail_htlc: message(131, { channel_id: channelId, id: u64, reason: bytes16 }, attribution),
  commitment_signed: message(
    132,
    { channel_id: channelId, signature, htlc_signature: signatures },
    { funding_txid: { type: 1n, codec: txid } },
  ),
  revoke_and_ack: message(133, {
    channel_id: channelId,
    per_commitment_secret: secretKey,
    next_per_commitment_point: point,
  }),
  update_fee: message(134, { channel_id: channelId, feerate_per_kw: u32 }),
  update_fail_malformed_htlc: message(135, {
    channel_id: channelId,
    id: u64,
    sha256_of_onion: bytes32,
    failure_code: u16,
  }),

  /** `your_last_per_commitment_secret` is zero while there is none, so it is no SecretKey. */
  channel_reestablish: message(
    136,
    {
      channel_id: channelId,
      next_commitment_number: u64,
      next_revocation_number: u64,
      your_last_per_commitment_secret: bytes32,
      my_current_per_commitment_point: point,
    },
    {
      next_funding: { type: 1n, codec: fundingLocked },
      my_current_funding_locked: { type: 5n, codec: fundingLocked },
    },
  ),
} as const;
