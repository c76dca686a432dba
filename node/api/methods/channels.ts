/** Methods about channels, after Core Lightning's. */
import { z } from 'zod';
import { methods } from '../method.ts';
import * as given from '../params.ts';
import * as shown from '../results.ts';
import { channelStates } from './node.ts';

/** Seconds that a timer holds: 24 days. */
const MOST_WAIT = 2_073_600;

const channelType = z.object({ bits: z.array(shown.u32), names: z.array(shown.text) });

const policy = z.object({
  htlc_minimum_msat: shown.amountMsat,
  htlc_maximum_msat: shown.amountMsat,
  cltv_expiry_delta: shown.u32,
  fee_base_msat: shown.amountMsat,
  fee_proportional_millionths: shown.u32,
});

/** Core Lightning's names for how far an HTLC has come, the sender's view and the receiver's. */
export const htlcStates = [
  'SENT_ADD_HTLC',
  'SENT_ADD_COMMIT',
  'RCVD_ADD_REVOCATION',
  'RCVD_ADD_ACK_COMMIT',
  'SENT_ADD_ACK_REVOCATION',
  'RCVD_REMOVE_HTLC',
  'RCVD_REMOVE_COMMIT',
  'SENT_REMOVE_REVOCATION',
  'SENT_REMOVE_ACK_COMMIT',
  'RCVD_REMOVE_ACK_REVOCATION',
  'RCVD_ADD_HTLC',
  'RCVD_ADD_COMMIT',
  'SENT_ADD_REVOCATION',
  'SENT_ADD_ACK_COMMIT',
  'RCVD_ADD_ACK_REVOCATION',
  'SENT_REMOVE_HTLC',
  'SENT_REMOVE_COMMIT',
  'RCVD_REMOVE_REVOCATION',
  'RCVD_REMOVE_ACK_COMMIT',
  'SENT_REMOVE_ACK_REVOCATION',
] as const;

const htlc = z.object({
  direction: z.enum(['in', 'out']),
  id: shown.u64,
  amount_msat: shown.amountMsat,
  /** The block at which it times out. */
  expiry: shown.u32,
  payment_hash: shown.hash,
  state: z.enum(htlcStates),
  local_trimmed: z.literal(true).optional(),
});

const channel = z.object({
  peer_id: shown.nodeId,
  peer_connected: shown.flag,
  reestablished: shown.flag.optional(),
  channel_type: channelType.optional(),
  updates: z.object({ local: policy, remote: policy.optional() }).optional(),
  state: z.enum(channelStates),
  scratch_txid: shown.txid.optional(),
  last_tx_fee_msat: shown.amountMsat.optional(),
  feerate: z.object({ perkw: shown.u32, perkb: shown.u32 }).optional(),
  lost_state: shown.flag.optional(),
  owner: shown.text.optional(),
  short_channel_id: shown.scid.optional(),
  /** 0 when our node id is the lesser of the two (BOLT 7). */
  direction: shown.u32.optional(),
  /** What the peer calls the channel at our request, and what it asked us to call it. */
  alias: z.object({ local: shown.scid.optional(), remote: shown.scid.optional() }).optional(),
  channel_id: shown.hash,
  funding_txid: shown.txid,
  funding_outnum: shown.u32,
  close_to: shown.hexText.optional(),
  private: shown.flag,
  opener: z.enum(['local', 'remote']),
  closer: z.enum(['local', 'remote']).optional(),
  features: z.array(shown.text),
  funding: z.object({
    pushed_msat: shown.amountMsat.optional(),
    local_funds_msat: shown.amountMsat,
    remote_funds_msat: shown.amountMsat,
  }),
  to_us_msat: shown.amountMsat,
  min_to_us_msat: shown.amountMsat.optional(),
  max_to_us_msat: shown.amountMsat.optional(),
  total_msat: shown.amountMsat,
  fee_base_msat: shown.amountMsat,
  fee_proportional_millionths: shown.u32,
  dust_limit_msat: shown.amountMsat,
  their_max_htlc_value_in_flight_msat: shown.amountMsat.optional(),
  our_max_htlc_value_in_flight_msat: shown.amountMsat.optional(),
  /** What we insist they keep, and they insist we keep. */
  their_reserve_msat: shown.amountMsat,
  our_reserve_msat: shown.amountMsat,
  spendable_msat: shown.amountMsat,
  receivable_msat: shown.amountMsat,
  minimum_htlc_in_msat: shown.amountMsat,
  minimum_htlc_out_msat: shown.amountMsat.optional(),
  maximum_htlc_out_msat: shown.amountMsat.optional(),
  their_to_self_delay: shown.u32,
  our_to_self_delay: shown.u32,
  max_accepted_htlcs: shown.u32,
  status: z.array(shown.text),
  in_payments_offered: shown.u64.optional(),
  in_offered_msat: shown.amountMsat.optional(),
  in_payments_fulfilled: shown.u64.optional(),
  in_fulfilled_msat: shown.amountMsat.optional(),
  out_payments_offered: shown.u64.optional(),
  out_offered_msat: shown.amountMsat.optional(),
  out_payments_fulfilled: shown.u64.optional(),
  out_fulfilled_msat: shown.amountMsat.optional(),
  htlcs: z.array(htlc),
});

export const channelMethods = methods({
  fundchannel: {
    doc: 'Opens a channel with a peer from coins of the wallet; answers when the network has the funding transaction, and with an error when it refuses that.',
    params: z.strictObject({
      id: given.nodeId.describe('the peer'),
      amount: given.amountOrAll.describe(
        "the channel's size; all leaves in the wallet what anchor-reserve keeps there for channels with anchors",
      ),
      feerate: given.feerate.optional().describe('of the funding transaction'),
      announce: given.flag.default(true).describe('make the channel public'),
      minconf: given.u32.default(1).describe('confirmations a coin must have to be used'),
      utxos: given.refused.describe('the coins to use: the wallet chooses them'),
      push_msat: given.amountMsat.optional().describe('what the peer gets as a gift'),
      close_to: given.text.optional().describe('address to which a mutual close must pay us'),
      request_amt: given.refused.describe('liquidity leased from the peer'),
      compact_lease: given.refused.describe('terms of a lease'),
      reserve: given.refused.describe('what the peer must keep: it is 1% of the channel'),
      mindepth: given.refused.describe('confirmations before we use the channel: see --min-depth'),
      channel_type: given
        .many(given.u32, 64)
        .optional()
        .describe('feature bits of the kind of channel wanted: 12, with 22 for anchors, with 46 for aliases only'),
      use_reserve: given.flag.default(false).describe('take also coins that are kept to pay for claims on chain'),
    }),
    result: z.object({
      tx: shown.hexText,
      txid: shown.txid,
      outnum: shown.u32,
      channel_id: shown.hash,
      channel_type: channelType.optional(),
      close_to: shown.hexText.optional(),
      mindepth: shown.u32.optional(),
      /** Coins of the wallet do not suffice for claims of channels with anchors. */
      warning_anchor_reserve: shown.text.optional(),
      /** The backup of the channels, which this one is to be in, could not be written. */
      warning_backup: shown.text.optional(),
      /** Where the network has not heard of the transaction yet. */
      warning_unpublished: shown.text.optional(),
    }),
  },
  fundchannel_cancel: {
    doc: 'Gives up a channel of ours whose funding transaction no block has: another transaction takes the coins back to the wallet. Should the network mine the first one all the same, the channel stays.',
    params: z.strictObject({
      id: given.channelRef.describe('the channel, or the peer with whom just one waits for its funding'),
      feerate: given.feerate
        .optional()
        .describe('of the transaction that takes the coins back; never less than replacing the funding takes'),
    }),
    result: z.object({
      cancelled: shown.text,
      tx: shown.hexText.optional(),
      txid: shown.txid.optional(),
      fee_msat: shown.amountMsat.optional(),
      warning_unpublished: shown.text.optional(),
    }),
  },
  listpeerchannels: {
    doc: 'Every channel we have, with its balance, limits and HTLCs under way.',
    params: z.strictObject({
      id: given.nodeId.optional().describe('only channels with this peer'),
      short_channel_id: given.scid.optional().describe('only this channel'),
      channel_id: given.channelId32.optional().describe('only this channel'),
    }),
    result: z.object({ channels: z.array(channel) }),
  },
  close: {
    doc: 'Closes a channel, with the peer if it can be had.',
    params: z.strictObject({
      id: given.channelRef.describe('the channel, or the peer we have just one with'),
      unilateraltimeout: given
        .seconds(0, MOST_WAIT)
        .optional()
        .describe(
          'how long to wait for the peer before closing alone, 172800 unless given; 0 leaves it to the channel, which waits two days from its last HTLC and two weeks at most. Given for a channel whose closing is agreed, it is how long to wait for a block with it',
        ),
      destination: given.text.optional().describe("address to be paid; else the wallet's"),
      fee_negotiation_step: given.refused.describe('fees are agreed by range'),
      wrong_funding: given.refused.describe('rescue of a channel funded wrongly'),
      force_lease_closed: given.refused.describe('closing of leases'),
      feerange: given
        .pair(given.feerate)
        .optional()
        .describe(
          'least and most fee rate to pay or to sign, say 1000perkw,2500perkw; what is said last counts, and negotiates anew',
        ),
    }),
    result: z.object({
      type: z.enum(['mutual', 'unilateral', 'unopened']),
      txs: z.array(shown.hexText).optional(),
      txids: z.array(shown.txid).optional(),
    }),
  },
});
