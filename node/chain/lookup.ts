/** Checking a channel announcement against the chain (BOLT 7): the output its short_channel_id points at must be there. */
import { type Sat, type ShortChannelId, scidParts, type Txid } from '../../wire/units.ts';
import type { Chain } from '../ports/ports.ts';

export interface FundingOutput {
  readonly txid: Txid;
  readonly vout: number;
  readonly script: Uint8Array;
  readonly amount: Sat;
  readonly confirmations: number;
}

/** The unspent output a short_channel_id names; undefined when there is none or it has been spent. Throws ChainError. */
export const fundingOutput = async (
  chain: Pick<Chain, 'txidAt' | 'unspent'>,
  scid: ShortChannelId,
): Promise<FundingOutput | undefined> => {
  const { height, txIndex, output } = scidParts(scid);
  const txid = await chain.txidAt(height, txIndex);
  if (txid === undefined) return undefined;
  const found = await chain.unspent({ txid, vout: output }, 'others');
  return (
    found && { txid, vout: output, script: found.script, amount: found.amount, confirmations: found.confirmations }
  );
};
