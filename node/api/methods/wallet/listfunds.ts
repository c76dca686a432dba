/** `listfunds`: the wallet's coins, and what is ours in channels. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { msat, scidText, toMsat } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { coreOf } from '../../../channels/entry.ts';
import { isDoubleSpent } from '../../../channels/fundingnotices.ts';
import { balancesOf } from '../../../channels/views.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { channelStates, stateName } from '../channels/statenames.ts';

const output = z.object({
  txid: field.txid,
  output: field.u32,
  amount_msat: field.amountMsat,
  scriptpubkey: field.hexText,
  address: field.text.optional(),
  status: z.enum(['unconfirmed', 'confirmed', 'spent', 'immature']),
  reserved: field.flag,
  blockheight: field.u32.optional(),
  reserved_to_block: field.u32.optional(),
});

const fundsChannel = z.object({
  peer_id: field.nodeId,
  our_amount_msat: field.amountMsat,
  amount_msat: field.amountMsat,
  funding_txid: field.txid,
  funding_output: field.u32,
  connected: field.flag,
  state: z.enum(channelStates),
  channel_id: field.hash.optional(),
  short_channel_id: field.scid.optional(),
});

const params = z.strictObject({
  spent: param.flag.default(false).describe('also coins already spent'),
});

const result = z.object({ outputs: z.array(output), channels: z.array(fundsChannel) });

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'peers' | 'wallet'>;

export const listfunds = method({
  doc: "The wallet's coins and what is ours in channels.",
  example: ['spent=true'],
  params,
  result,
  handler: async (node: Parts, { spent }) => {
    const { wallet, channels, peers } = node;
    return {
      outputs: wallet
        .funds()
        .filter((fund) => spent || fund.status !== 'spent')
        .map((fund) => {
          const { script, address } = wallet.describe(fund.path);
          return {
            txid: displayedTxid(fund.txid),
            output: fund.vout,
            amount_msat: toMsat(fund.amount),
            scriptpubkey: hex(script),
            address,
            status: fund.status,
            reserved: fund.reserved !== undefined,
            ...(fund.height !== undefined && { blockheight: fund.height }),
          };
        }),
      channels: [...channels.entries.values()].flatMap((entry) => {
        const { state } = entry.machine;
        const core = coreOf(state);
        if (core === undefined || state.phase === 'closed') return [];
        const { scid } = core.lockin;
        return [
          {
            peer_id: hex(core.params.peer),
            our_amount_msat: isDoubleSpent(entry, node.wallet) ? msat(0n) : balancesOf(core).toUs,
            amount_msat: toMsat(core.params.capacity),
            funding_txid: displayedTxid(core.funding.txid),
            funding_output: core.funding.index,
            connected: peers.get(core.params.peer) !== undefined,
            state: stateName(state),
            channel_id: hex(core.channelId),
            ...(scid !== undefined && { short_channel_id: scidText(scid) }),
          },
        ];
      }),
    };
  },
});
