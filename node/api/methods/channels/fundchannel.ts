/** `fundchannel`: opens a channel (BOLT 2) from coins of the wallet. */

import { z } from 'zod';
import type { Core } from '../../../../channel/model/state.ts';
import { hex } from '../../../../wire/bytes.ts';
import { msat } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { coreOf, type PublishedFunding } from '../../../channels/entry.ts';
import { openChannelTo } from '../../../channels/opening.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { connectTo } from '../peers/connect.ts';
import { ofSpending, relayedPerKw, scriptFrom, UNANSWERED } from '../wallet/spending.ts';
import { channelType, channelTypeOf, typeFrom } from './channeltype.ts';

const params = z.strictObject({
  id: param.nodeId.describe('the peer'),
  amount: param.amountOrAll.describe(
    "the channel's size; all leaves in the wallet what anchor-reserve keeps there for channels with anchors",
  ),
  feerate: param.feerate.optional().describe('of the funding transaction'),
  announce: param.flag.default(true).describe('make the channel public'),
  minconf: param.u32.default(1).describe('confirmations a coin must have to be used'),
  utxos: param.refused.describe('the coins to use: the wallet chooses them'),
  push_msat: param.amountMsat.optional().describe('what the peer gets as a gift'),
  close_to: param.text.optional().describe('address to which a mutual close must pay us'),
  request_amt: param.refused.describe('liquidity leased from the peer'),
  compact_lease: param.refused.describe('terms of a lease'),
  reserve: param.refused.describe('what the peer must keep: it is 1% of the channel'),
  mindepth: param.refused.describe('confirmations before we use the channel: see --min-depth'),
  channel_type: param
    .many(param.u32, 64)
    .optional()
    .describe('feature bits of the kind of channel wanted: 12, with 22 for anchors, with 46 for aliases only'),
  use_reserve: param.flag.default(false).describe('take also coins that are kept to pay for claims on chain'),
});

const result = z.object({
  tx: field.hexText,
  txid: field.txid,
  outnum: field.u32,
  channel_id: field.hash,
  channel_type: channelType.optional(),
  close_to: field.hexText.optional(),
  mindepth: field.u32.optional(),
  /** Coins of the wallet do not suffice for claims of channels with anchors. */
  warning_anchor_reserve: field.text.optional(),
  /** The backup of the channels, which this one is to be in, could not be written. */
  warning_backup: field.text.optional(),
  /** Where the network has not heard of the transaction yet. */
  warning_unpublished: field.text.optional(),
});

type Result = z.output<typeof result>;

/** The channel is there, for the peer has signed, but as long as this stands nothing can come of it. */
const refusedFunding = ({ tx, txid, output }: PublishedFunding, reason: string, core: Core | undefined): ApiError => {
  const channel_id = core === undefined ? '' : hex(core.channelId);
  return new ApiError(
    'fund_broadcast',
    `the network refuses the funding transaction: ${reason}. It is kept with the channel ${channel_id} and given to the network again with each block; fundchannel_cancel ${channel_id} takes its coins back`,
    { channel_id, txid: displayedTxid(txid), outnum: output, tx: hex(tx) },
  );
};

/** What it needs of a node. */
type Parts = Pick<
  Node,
  'addresses' | 'backups' | 'channels' | 'follower' | 'chainTip' | 'keys' | 'network' | 'opening' | 'peers' | 'ports'
>;

export const fundchannel = method({
  doc: 'Opens a channel with a peer from coins of the wallet; answers when the network has the funding transaction, and with an error when it refuses that.',
  example: [
    '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    '1000000',
    'feerate=normal',
    'announce=false',
  ],
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    const channelType = typeFrom(params.channel_type, params.announce);
    const peer = await connectTo(node, params.id, node.addresses.of(params.id)).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      throw new ApiError('fund_not_connected', `not connected to ${hex(params.id)}: ${error.message}`);
    });
    const closeTo = params.close_to === undefined ? undefined : scriptFrom(node, 'close_to', params.close_to);
    try {
      const opened = await openChannelTo(node.opening, {
        peer,
        amount: params.amount,
        push: params.push_msat ?? msat(0n),
        announce: params.announce,
        fundingFeerate: await relayedPerKw(node, 'feerate', params.feerate),
        minDepth: params.minconf,
        closeTo,
        channelType,
        useReserve: params.use_reserve,
      });
      const { answer } = opened;
      // Whoever copies the backup once this call is answered has the new channel in it.
      await node.backups.settled();
      const core = coreOf(
        node.channels.entries.get(opened.key)?.machine.state ?? {
          phase: 'abandoned',
          key: '',
          fault: { code: 'force_close' },
        },
      );
      if (answer.given === 'refused') throw refusedFunding(opened, answer.reason, core);
      return {
        tx: hex(opened.tx),
        txid: displayedTxid(opened.txid),
        outnum: opened.output,
        channel_id: core === undefined ? '' : hex(core.channelId),
        ...(core && { channel_type: channelTypeOf(core), mindepth: core.params.remote.minimumDepth }),
        ...(closeTo && { close_to: hex(closeTo) }),
        ...(opened.shortage !== undefined && { warning_anchor_reserve: opened.shortage }),
        ...(node.backups.warning !== undefined && { warning_backup: node.backups.warning }),
        ...(answer.given === 'unanswered' && { warning_unpublished: UNANSWERED }),
      };
    } catch (error) {
      throw await ofSpending(node, error);
    }
  },
});
