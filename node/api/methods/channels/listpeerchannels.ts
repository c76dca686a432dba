/** `listpeerchannels`: every channel, with its balance, limits, HTLCs and what an operator should know of it. */

import { z } from 'zod';
import { channelTypeBits } from '../../../../channel/model/channeltype.ts';
import type { Core, Funded } from '../../../../channel/model/state.ts';
import { receivable, spendable } from '../../../../channel/rules/limits.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { channelTypeFeatures } from '../../../../wire/channeltype.ts';
import { msat, scidText, toMsat } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { type Entry, isFunded } from '../../../channels/entry.ts';
import { isDoubleSpent } from '../../../channels/fundingnotices.ts';
import { balancesOf, policyOf } from '../../../channels/views.ts';
import type { Node } from '../../../core/running.ts';
import { type OwnPolicy, ourSide } from '../../../graph/gossipsignatures.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { channelType, channelTypeOf } from './channeltype.ts';
import { htlc, htlcsUnderWay } from './htlcrow.ts';
import { channelStates, closerOf, stateName } from './statenames.ts';
import { statusLines } from './status.ts';

const policy = z.object({
  htlc_minimum_msat: field.amountMsat,
  htlc_maximum_msat: field.amountMsat,
  cltv_expiry_delta: field.u32,
  fee_base_msat: field.amountMsat,
  fee_proportional_millionths: field.u32,
});

const channel = z.object({
  peer_id: field.nodeId,
  peer_connected: field.flag,
  reestablished: field.flag.optional(),
  channel_type: channelType.optional(),
  updates: z.object({ local: policy, remote: policy.optional() }).optional(),
  state: z.enum(channelStates),
  scratch_txid: field.txid.optional(),
  last_tx_fee_msat: field.amountMsat.optional(),
  feerate: z.object({ perkw: field.u32, perkb: field.u32 }).optional(),
  /** Of the latest commitment of each side (BOLT 3 counts from 0). */
  commitment_numbers: z.object({ local: field.u64, remote: field.u64 }).optional(),
  lost_state: field.flag.optional(),
  owner: field.text.optional(),
  short_channel_id: field.scid.optional(),
  /** 0 when our node id is the lesser of the two (BOLT 7). */
  direction: field.u32.optional(),
  /** What the peer calls the channel at our request, and what it asked us to call it. */
  alias: z.object({ local: field.scid.optional(), remote: field.scid.optional() }).optional(),
  channel_id: field.hash,
  funding_txid: field.txid,
  funding_outnum: field.u32,
  close_to: field.hexText.optional(),
  private: field.flag,
  opener: z.enum(['local', 'remote']),
  closer: z.enum(['local', 'remote']).optional(),
  features: z.array(field.text),
  funding: z.object({
    pushed_msat: field.amountMsat.optional(),
    local_funds_msat: field.amountMsat,
    remote_funds_msat: field.amountMsat,
  }),
  to_us_msat: field.amountMsat,
  min_to_us_msat: field.amountMsat.optional(),
  max_to_us_msat: field.amountMsat.optional(),
  total_msat: field.amountMsat,
  fee_base_msat: field.amountMsat,
  fee_proportional_millionths: field.u32,
  dust_limit_msat: field.amountMsat,
  their_max_htlc_value_in_flight_msat: field.amountMsat.optional(),
  our_max_htlc_value_in_flight_msat: field.amountMsat.optional(),
  /** What we insist they keep, and they insist we keep. */
  their_reserve_msat: field.amountMsat,
  our_reserve_msat: field.amountMsat,
  spendable_msat: field.amountMsat,
  receivable_msat: field.amountMsat,
  minimum_htlc_in_msat: field.amountMsat,
  minimum_htlc_out_msat: field.amountMsat.optional(),
  maximum_htlc_out_msat: field.amountMsat.optional(),
  their_to_self_delay: field.u32,
  our_to_self_delay: field.u32,
  max_accepted_htlcs: field.u32,
  status: z.array(field.text),
  in_payments_offered: field.u64.optional(),
  in_offered_msat: field.amountMsat.optional(),
  in_payments_fulfilled: field.u64.optional(),
  in_fulfilled_msat: field.amountMsat.optional(),
  out_payments_offered: field.u64.optional(),
  out_offered_msat: field.amountMsat.optional(),
  out_payments_fulfilled: field.u64.optional(),
  out_fulfilled_msat: field.amountMsat.optional(),
  htlcs: z.array(htlc),
});

const params = z.strictObject({
  id: param.nodeId.optional().describe('only channels with this peer'),
  short_channel_id: param.scid.optional().describe('only this channel'),
  channel_id: param.channelId32.optional().describe('only this channel'),
});

const result = z.object({ channels: z.array(channel) });

type Params = z.output<typeof params>;
type Result = z.output<typeof result>;

type Row = Result['channels'][number];

/** What it needs of a node. */
type Parts = Pick<
  Node,
  'channels' | 'config' | 'follower' | 'keys' | 'onchain' | 'own' | 'peers' | 'policies' | 'refusals' | 'wallet'
>;

const policyRow = (node: Parts, core: Core, ours: OwnPolicy): NonNullable<Row['updates']> => {
  const { scid } = core.lockin;
  const theirs = node.own.peerPolicy([scid, core.params.alias], core.params.peer);
  const row = (policy: Omit<typeof ours, 'disabled'>) => ({
    htlc_minimum_msat: policy.htlcMinimum,
    htlc_maximum_msat: policy.htlcMaximum,
    cltv_expiry_delta: policy.cltvExpiryDelta,
    fee_base_msat: policy.feeBase,
    fee_proportional_millionths: policy.feeProportional,
  });
  return { local: row(ours), ...(theirs && { remote: row(theirs) }) };
};

const channelRow = (node: Parts, entry: Entry, state: Funded): Row => {
  const { core } = state;
  const { params, lockin, funding, link } = core;
  const { local, remote, capacity, role } = params;
  const { toUs, feerate } = balancesOf(core);
  const isLost = isDoubleSpent(entry, node.wallet);
  const pushed = params.push;
  const ownFunds = role === 'funder' ? toMsat(capacity) : msat(0n);
  const policy = policyOf(core, node.policies.of(entry.key));
  const live = state.phase === 'open' && !isLost;
  const closer = closerOf(state);
  return {
    peer_id: hex(params.peer),
    peer_connected: node.peers.get(params.peer) !== undefined,
    reestablished: link.status === 'online',
    channel_type: channelTypeOf(core),
    updates: policyRow(node, core, policy),
    state: stateName(state),
    feerate: { perkw: feerate, perkb: feerate * 4 },
    commitment_numbers: { local: core.head.local, remote: core.head.remote },
    ...(state.phase === 'failed' && state.outdated && { lost_state: true }),
    ...(lockin.scid !== undefined && {
      short_channel_id: scidText(lockin.scid),
      direction: ourSide(node.keys.nodeId, params.peer),
    }),
    ...((params.alias ?? lockin.peerAlias) !== undefined && {
      alias: {
        ...(params.alias !== undefined && { local: scidText(params.alias) }),
        ...(lockin.peerAlias !== undefined && { remote: scidText(lockin.peerAlias) }),
      },
    }),
    channel_id: hex(core.channelId),
    funding_txid: displayedTxid(funding.txid),
    funding_outnum: funding.index,
    close_to: hex(params.shutdownScript),
    private: !params.announce,
    opener: role === 'funder' ? 'local' : 'remote',
    ...(closer !== undefined && { closer }),
    features: [...(channelTypeFeatures(channelTypeBits(params)) ?? [])],
    funding: {
      pushed_msat: pushed,
      local_funds_msat: ownFunds,
      remote_funds_msat: msat(capacity * 1000n - ownFunds),
    },
    to_us_msat: isLost ? msat(0n) : toUs,
    total_msat: toMsat(capacity),
    fee_base_msat: policy.feeBase,
    fee_proportional_millionths: policy.feeProportional,
    dust_limit_msat: toMsat(local.dustLimit),
    their_max_htlc_value_in_flight_msat: remote.maxHtlcValueInFlight,
    our_max_htlc_value_in_flight_msat: local.maxHtlcValueInFlight,
    their_reserve_msat: toMsat(local.reserve),
    our_reserve_msat: toMsat(remote.reserve),
    spendable_msat: live ? spendable(core, node.channels.context()) : msat(0n),
    receivable_msat: live ? receivable(core, node.channels.context()) : msat(0n),
    minimum_htlc_in_msat: local.htlcMinimum,
    minimum_htlc_out_msat: policy.htlcMinimum,
    maximum_htlc_out_msat: policy.htlcMaximum,
    their_to_self_delay: remote.toSelfDelay,
    our_to_self_delay: local.toSelfDelay,
    max_accepted_htlcs: local.maxAcceptedHtlcs,
    status: statusLines(node, entry, state),
    htlcs: htlcsUnderWay(core),
  };
};

async function* rowsOf(node: Parts, params: Params): AsyncGenerator<Row> {
  const { id, short_channel_id, channel_id } = params;
  for (const entry of [...node.channels.entries.values()]) {
    const { state } = entry.machine;
    if (!isFunded(state) || state.phase === 'closed') continue;
    const { core } = state;
    if (id !== undefined && !equal(id, core.params.peer)) continue;
    const names = [core.lockin.scid, core.params.alias];
    if (short_channel_id !== undefined && !names.includes(short_channel_id)) continue;
    if (channel_id !== undefined && !equal(channel_id, core.channelId)) continue;
    yield channelRow(node, entry, state);
  }
}

export const listpeerchannels = method({
  doc: 'Every channel we have, with its balance, limits and HTLCs under way.',
  example: ['short_channel_id=103x1x0'],
  params,
  result,
  handler: async (node: Parts, params) => ({ channels: rowsOf(node, params) }),
});
