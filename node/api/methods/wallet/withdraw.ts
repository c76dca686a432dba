/** `withdraw`: coins of the wallet to an address. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { sat } from '../../../../wire/units.ts';
import { displayedTxid } from '../../../base/txids.ts';
import { ChainError } from '../../../chain/errors.ts';
import { reserveOf } from '../../../channels/reserve.ts';
import type { Node } from '../../../core/running.ts';
import { sendTo } from '../../../wallet/send.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { ofSpending, relayedPerKw, scriptFrom, UNANSWERED } from './spending.ts';

const params = z.strictObject({
  destination: param.text.describe('an address of the same network'),
  satoshi: param.amountOrAll.describe(
    'how much; all leaves what anchor-reserve keeps in the wallet for channels with anchors',
  ),
  feerate: param.feerate.optional().describe('of the transaction; else to be in one of the next 6 blocks'),
  minconf: param.u32.default(1).describe('confirmations a coin must have to be used'),
  use_reserve: param.flag.default(false).describe('take also coins that are kept to pay for claims on chain'),
});

const result = z.object({
  tx: field.hexText,
  txid: field.txid,
  /** Where the network has not heard of it yet. */
  warning_unpublished: field.text.optional(),
});

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'config' | 'follower' | 'chainTip' | 'network' | 'ports' | 'wallet'>;

export const withdraw = method({
  doc: 'Sends coins of the wallet to an address.',
  example: ['bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080', '10000sat', 'feerate=normal'],
  params,
  result,
  handler: async (node: Parts, { destination, satoshi, feerate, minconf, use_reserve: useReserve }) => {
    const script = scriptFrom(node, 'destination', destination);
    const rate = await relayedPerKw(node, 'feerate', feerate);
    const leave = useReserve
      ? sat(0n)
      : reserveOf(node.config.reserve, node.channels.entries.values(), node.channels.openingWithAnchors);
    try {
      const payment = { script, amount: satoshi, feerate: rate, minDepth: minconf, leave };
      const made = await sendTo(node.wallet, node.ports.chain, payment);
      return {
        tx: hex(new Uint8Array(made.tx.toBuffer())),
        txid: displayedTxid(made.txid),
        ...(!made.taken && { warning_unpublished: UNANSWERED }),
      };
    } catch (error) {
      if (error instanceof ChainError && error.fault.code === 'rejected')
        throw new ApiError('fund_broadcast', `nothing was sent: ${error.message}`);
      throw await ofSpending(node, error);
    }
  },
});
