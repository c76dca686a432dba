/** closing_signed as a peer may send it that asks for a fee of its own. */

import type { ChannelMessageOf } from '../../channel/model/io.ts';
import { inLocal, specOf } from '../../channel/model/spec.ts';
import { buildLegacyClosing } from '../../channel/tx/closingtx.ts';
import { signFundingSpend } from '../../channel/tx/signing.ts';
import { msat, type Sat, sat } from '../../wire/units.ts';
import { coreOf, type Pair, scriptOf } from './pair.ts';

/** `who`'s closing_signed with that fee, every output in the transaction but the one left out: 'local' is `who`'s own. */
export const closingSignedBy = (
  pair: Pair,
  who: 'a' | 'b',
  fee: bigint,
  leaveOut?: 'local' | 'remote',
  dustLimit: Sat = sat(1n),
): ChannelMessageOf<'closing_signed'> => {
  const core = coreOf(pair[who]);
  const { params, funding, keys, channelId } = core;
  const { toUs, toThem } = specOf(core, inLocal(core.head.local));
  const [own, other] = who === 'a' ? [1, 2] : [2, 1];
  const closing = buildLegacyClosing(
    {
      funding,
      fundingAmount: params.capacity,
      local: { funding: params.local.basepoints.funding, balance: msat(toUs), script: scriptOf(own) },
      remote: { funding: params.remote.basepoints.funding, balance: msat(toThem), script: scriptOf(other) },
      payer: who === 'a' ? 'local' : 'remote',
      fee: sat(fee),
      ...(leaveOut && { leaveOut }),
    },
    dustLimit,
  );
  const signature = signFundingSpend(closing, keys.funding);
  return { name: 'closing_signed', channel_id: channelId, fee_satoshis: sat(fee), signature };
};

/** The fundee's signature of the closing transaction with that fee. */
export const closingSigned = (pair: Pair, fee: bigint): ChannelMessageOf<'closing_signed'> =>
  closingSignedBy(pair, 'b', fee, undefined, coreOf(pair.b).params.local.dustLimit);
