/** closing_signed as a peer may send it that asks for a fee of its own. */
import { buildLegacyClosing } from '../../channel/closingtx.ts';
import type { PeerMessageOf } from '../../channel/io.ts';
import { signFundingSpend } from '../../channel/signing.ts';
import { inLocal, specOf } from '../../channel/spec.ts';
import { msat, sat } from '../../wire/units.ts';
import { coreOf, type Pair, scriptOf } from './pair.ts';

/** The fundee's signature of the closing transaction with that fee. */
export const closingSigned = ({ b }: Pair, fee: bigint): PeerMessageOf<'closing_signed'> => {
  const core = coreOf(b);
  const { params, funding, keys, channelId } = core;
  const { toUs, toThem } = specOf(core, inLocal(core.head.local));
  const closing = buildLegacyClosing(
    {
      funding,
      fundingAmount: params.capacity,
      local: { funding: params.local.basepoints.funding, balance: msat(toUs), script: scriptOf(2) },
      remote: { funding: params.remote.basepoints.funding, balance: msat(toThem), script: scriptOf(1) },
      payer: 'remote',
      fee: sat(fee),
    },
    params.local.dustLimit,
  );
  const signature = signFundingSpend(closing, keys.funding);
  return { name: 'closing_signed', channel_id: channelId, fee_satoshis: sat(fee), signature };
};
