/** `listclosedchannels`: channels that were closed and whose outputs are all resolved. */

import { z } from 'zod';
import type { Closed } from '../../../../channel/model/state.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { scidText, toMsat } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { closedChannels } from '../../../channels/load.ts';
import { balancesOf } from '../../../channels/views.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { channelType, channelTypeOf } from './channeltype.ts';
import { closerOf } from './statenames.ts';

/** Why a channel was closed, in Core Lightning's words. */
const causes = ['unknown', 'local', 'user', 'remote', 'protocol', 'onchain'] as const;

const params = z.strictObject({
  id: param.nodeId.optional().describe('only channels with this peer'),
});

const channel = z.object({
  peer_id: field.nodeId,
  channel_id: field.hash,
  short_channel_id: field.scid.optional(),
  alias: z.object({ local: field.scid.optional(), remote: field.scid.optional() }).optional(),
  opener: z.enum(['local', 'remote']),
  closer: z.enum(['local', 'remote']).optional(),
  private: field.flag,
  channel_type: channelType.optional(),
  total_local_commitments: field.u64,
  total_remote_commitments: field.u64,
  total_htlcs_sent: field.u64,
  funding_txid: field.txid,
  funding_outnum: field.u32,
  funding_withheld: field.flag,
  leased: field.flag,
  funding_pushed_msat: field.amountMsat.optional(),
  total_msat: field.amountMsat,
  final_to_us_msat: field.amountMsat,
  /** The transaction that spent the funding output; missing where an older version closed the channel. */
  last_commitment_txid: field.txid.optional(),
  last_commitment_fee_msat: field.amountMsat.optional(),
  /** Height of its block. */
  closed_height: field.u32.optional(),
  close_cause: z.enum(causes),
});
const result = z.object({ closedchannels: z.array(channel) });

type Row = z.output<typeof channel>;

/** Who asked for the close, if anybody did; or whose commitment transaction came into the chain unasked. */
const causeOf = ({ core, by }: Closed): Row['close_cause'] => {
  const asked = core.closingSince?.by;
  if (asked !== undefined) return asked === 'us' ? 'user' : 'remote';
  if (by === 'mutual') return 'unknown';
  return by === 'local' ? 'local' : 'onchain';
};

const closedRow = (state: Closed): Row => {
  const { core, spend } = state;
  const { params, lockin, funding, head } = core;
  const closer = closerOf(state);
  return {
    peer_id: hex(params.peer),
    channel_id: hex(core.channelId),
    ...(lockin.scid !== undefined && { short_channel_id: scidText(lockin.scid) }),
    ...((params.alias ?? lockin.peerAlias) !== undefined && {
      alias: {
        ...(params.alias !== undefined && { local: scidText(params.alias) }),
        ...(lockin.peerAlias !== undefined && { remote: scidText(lockin.peerAlias) }),
      },
    }),
    opener: params.role === 'funder' ? 'local' : 'remote',
    ...(closer !== undefined && { closer }),
    private: !params.announce,
    channel_type: channelTypeOf(core),
    total_local_commitments: head.local,
    total_remote_commitments: head.remote,
    total_htlcs_sent: Number(head.signedOut),
    funding_txid: displayedTxid(funding.txid),
    funding_outnum: funding.index,
    // This node publishes what it funds, and leases no channels.
    funding_withheld: false,
    leased: false,
    ...(params.push > 0n && { funding_pushed_msat: params.push }),
    total_msat: toMsat(params.capacity),
    final_to_us_msat: balancesOf(core).toUs,
    ...(spend && {
      last_commitment_txid: displayedTxid(spend.txid),
      ...(spend.fee !== undefined && { last_commitment_fee_msat: toMsat(spend.fee) }),
      closed_height: spend.height,
    }),
    close_cause: causeOf(state),
  };
};

/** What it needs of a node. */
type Parts = Pick<Node, 'ports'>;

async function* rowsOf({ ports }: Parts, id: Uint8Array | undefined): AsyncGenerator<Row> {
  for await (const state of closedChannels(ports.store))
    if (id === undefined || equal(id, state.core.params.peer)) yield closedRow(state);
}

export const listclosedchannels = method({
  doc: 'Channels that were closed and of which nothing is left to take from the chain.',
  // As pyln-client names it.
  aliases: { peer_id: 'id' },
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'],
  params,
  result,
  handler: async (node: Parts, { id }) => ({ closedchannels: rowsOf(node, id) }),
});
