/**
 * What a closing transaction may cost (BOLT 2, "Legacy Closing Negotiation"): from the chain, from what its caller allows and
 * from what its payer has. Nothing outside this is ever signed, whichever way a fee was come to.
 */

import { type Sat, sat } from '../../wire/units.ts';
import type { Fault } from '../model/errors.ts';
import type { Context } from '../model/io.ts';
import type { CloseFeerates, ClosingRange } from '../model/state.ts';
import { type Closing, closingFee, closingWeight } from '../tx/closingtx.ts';
import { feeForWeight } from '../tx/commitmentformats.ts';
import { larger, smaller } from './limits.ts';

/** Who pays the fee, what it has to pay with, where both balances go, and what the caller allows. */
export interface ClosingFeeInputs {
  readonly payer: 'us' | 'them';
  readonly purse: Sat;
  readonly scripts: readonly [ours: Uint8Array, theirs: Uint8Array];
  readonly feerates: CloseFeerates | undefined;
}

/** We offer down to this part of our estimate: nothing is at risk while a closing waits. */
const PATIENCE = 2;
/** And up to this multiple of our estimate: the peer's estimate may differ, and a force-close costs more. */
const TOLERANCE = 2;
/** Where fees are low an estimate says little: up to 10 sat/vbyte is paid in any case. Satoshi per 1,000 weight. */
const ALWAYS = 2530;

/** The fee, clamped to the range. */
export const clampFee = (fee: bigint, { min, max }: Pick<ClosingRange, 'min' | 'max'>): Sat =>
  sat(larger(min, smaller(max, fee)));

/**
 * The range of one negotiation. Its floor is what is relayed now, also where the peer pays: a closing that no node takes is
 * no way out. Who does not pay has no ceiling but the caller's. Nothing where even the most is less than the floor.
 */
export const closingRange = (
  { payer, purse, scripts, feerates }: ClosingFeeInputs,
  { feerate, relayFeerate, maxFeerate }: Context,
): ClosingRange | Fault => {
  const [ours, theirs] = scripts;
  const at = (rate: number): Sat => sat(smaller(closingFee(rate, ours, theirs), purse));
  const estimate = Math.max(feerate, relayFeerate);
  const lowest = feerates?.min ?? (payer === 'us' ? Math.floor(estimate / PATIENCE) : relayFeerate);
  const highest = feerates?.max ?? Math.max(TOLERANCE * estimate, Math.min(ALWAYS, maxFeerate));
  const min = at(Math.max(lowest, relayFeerate));
  const max = payer === 'us' || feerates !== undefined ? at(highest) : purse;
  if (min > max) return { code: 'closing_fee_not_relayed', fee: max, least: min };
  return { min, ideal: clampFee(at(estimate), { min, max }), max };
};

/** Whether a fee lies in a range. */
export const isWithin = (fee: bigint, { min, max }: Pick<ClosingRange, 'min' | 'max'>): boolean =>
  min <= fee && fee <= max;

/** The fault of a closing below the current relay minimum, by its real weight and fee. */
export const relayFault = ({ fee, transaction }: Closing, { relayFeerate }: Context): Fault | undefined => {
  const least = feeForWeight(relayFeerate, closingWeight(...transaction.outputs.map(({ script }) => script)));
  return fee < least ? { code: 'closing_fee_not_relayed', fee, least } : undefined;
};
