/** `setchannel`: what a channel asks of HTLCs that are forwarded over it. Kept, announced, and in force without a restart. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { scidText } from '../../../../wire/units.ts';
import { coreOf, type Entry } from '../../../channels/entry.ts';
import type { PolicyChange } from '../../../channels/policies.ts';
import { policyOf } from '../../../channels/views.ts';
import type { Node } from '../../../core/running.ts';
import { OLD_POLICY_SECONDS } from '../../../graph/ownannouncements.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { found } from './findchannel.ts';

const params = z.strictObject({
  id: param.channelRefOrAll.describe('the channel; a peer for all channels with it; or all'),
  feebase: param.amountMsat32.optional().describe('fee for each HTLC, in msat; else it stays'),
  feeppm: param.u32.optional().describe('fee for each satoshi forwarded, in millionths; else it stays'),
  htlcmin: param.amountMsat.optional().describe('smallest HTLC to forward; else it stays'),
  htlcmax: param.amountMsat.optional().describe('largest HTLC to forward; else it stays'),
  enforcedelay: param
    .seconds(0, OLD_POLICY_SECONDS)
    .default(OLD_POLICY_SECONDS)
    .describe('how long HTLCs may go by what held before, since payers hear of the change in time only'),
  ignorefeelimits: param.refused.describe('let the peer set any feerate'),
});

const row = z.object({
  peer_id: field.nodeId,
  channel_id: field.hash,
  short_channel_id: field.scid.optional(),
  fee_base_msat: field.amountMsat,
  fee_proportional_millionths: field.u32,
  ignore_fee_limits: z.literal(false),
  minimum_htlc_out_msat: field.amountMsat,
  warning_htlcmin_too_low: field.text.optional(),
  maximum_htlc_out_msat: field.amountMsat,
  warning_htlcmax_too_high: field.text.optional(),
});

const result = z.object({ channels: z.array(row) });

type Params = z.output<typeof params>;
type Row = z.output<typeof row>;

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'policies' | 'refresh' | 'gate'>;

/** The channels that are meant, all of them such that HTLCs go over or will. Throws ApiError where there is none. */
const meant = (node: Parts, id: Params['id']): readonly Entry[] => {
  if (id !== 'all' && !('peer' in id)) return [found(node, id)];
  const all = [...node.channels.entries.values()].filter(({ peer, machine: { state } }) => {
    return state.phase === 'open' && (id === 'all' || peer === hex(id.peer));
  });
  if (id !== 'all' && all.length === 0) throw new ApiError('general', `no channel with ${hex(id.peer)}`);
  return all;
};

/** What a call says, and no more. */
const changeOf = ({ feebase, feeppm, htlcmin, htlcmax }: Params): PolicyChange => ({
  ...(feebase !== undefined && { feeBase: feebase }),
  ...(feeppm !== undefined && { feePerSatoshi: feeppm }),
  ...(htlcmin !== undefined && { htlcMinimum: htlcmin }),
  ...(htlcmax !== undefined && { htlcMaximum: htlcmax }),
});

const changed = (node: Parts, entry: Entry, params: Params): Row[] => {
  const { htlcmin, htlcmax, enforcedelay } = params;
  const core = coreOf(entry.machine.state);
  if (core === undefined) return [];
  const change = changeOf(params);
  if (Object.keys(change).length > 0) node.policies.change(entry.key, change, enforcedelay);
  const policy = policyOf(core, node.policies.of(entry.key));
  const { scid } = core.lockin;
  return [
    {
      peer_id: hex(core.params.peer),
      channel_id: hex(core.channelId),
      ...(scid !== undefined && { short_channel_id: scidText(scid) }),
      fee_base_msat: policy.feeBase,
      fee_proportional_millionths: policy.feeProportional,
      ignore_fee_limits: false,
      minimum_htlc_out_msat: policy.htlcMinimum,
      ...(htlcmin !== undefined &&
        htlcmin < policy.htlcMinimum && {
          warning_htlcmin_too_low: `the peer takes no HTLC below ${policy.htlcMinimum} msat, so that is the minimum`,
        }),
      maximum_htlc_out_msat: policy.htlcMaximum,
      ...(htlcmax !== undefined &&
        htlcmax > policy.htlcMaximum && {
          warning_htlcmax_too_high: `the channel carries no HTLC above ${policy.htlcMaximum} msat, so that is the maximum`,
        }),
    },
  ];
};

/** Throws ApiError where no amount would be left to forward. */
const checkRange = (node: Parts, entry: Entry, params: Params): void => {
  const core = coreOf(entry.machine.state);
  if (core === undefined) return;
  const before = node.policies.of(entry.key);
  const after = policyOf(core, { ...before, ...changeOf(params) });
  if (!after.disabled || policyOf(core, before).disabled) return;
  const field = params.htlcmin === undefined ? 'htlcmax' : 'htlcmin';
  throw new ApiError(
    'invalid_params',
    `${field}: no amount would be left to forward over ${hex(core.channelId)}, which carries at most ${after.htlcMaximum} msat then`,
    { field },
  );
};

export const setchannel = method({
  doc: 'Changes what a channel asks for forwarding over it, and announces that; without changes it shows what holds.',
  example: ['103x1x0', 'feebase=1000', 'feeppm=100'],
  params,
  result,
  handler: async (node: Parts, params) => {
    const entries = meant(node, params.id);
    for (const entry of entries) checkRange(node, entry, params);
    const channels = entries.flatMap((entry) => changed(node, entry, params));
    await node.gate.allSaved();
    for (const entry of entries) node.refresh(entry);
    return { channels };
  },
});
