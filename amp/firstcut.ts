/** The pieces that a payment begins with, by what our channels can carry; or why there are none. */
import { type Msat, msat, sumMsat } from '../wire/units.ts';
import { cutWithSpare } from './cut.ts';
import type { PaymentFailure } from './events.ts';
import type { AmpRequest, PaymentContext, PaymentRequest } from './io.ts';
import { isEob, redundancyOf, strategyOf, wishOf } from './payment.ts';
import type { Outlet } from './route.ts';
import { firstPieces, unknownStrategy } from './strategies.ts';

/** The most that so many HTLCs can carry out of our channels together. */
const spendableIn = (count: number, outlets: readonly Outlet[]): Msat => {
  const rooms = outlets.filter(({ slots }) => slots > 0).map(({ spendable }) => spendable);
  return sumMsat(rooms.sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)).slice(0, count));
};

/** Equal pieces of which any so many make up the amount, and as many more as the caller wants; or why there are none. */
const withSpare = (
  request: AmpRequest,
  outlets: readonly Outlet[],
  spendable: Msat,
): readonly Msat[] | PaymentFailure => {
  const { redundancy = 0, maxOverpayment = msat(0n) } = request;
  const pieces = cutWithSpare({ ...request, redundancy }, outlets, maxOverpayment);
  if (typeof pieces !== 'bigint') return pieces ?? { code: 'amount_too_large', spendable };
  return {
    code: 'bad_request',
    field: 'maxoverpayment',
    expected: `${pieces} msat or more for ${redundancy} spare shards`,
  };
};

/** The pieces to begin with, or why there are none. */
export const firstCut = (
  request: PaymentRequest,
  outlets: readonly Outlet[],
  context: PaymentContext,
): readonly Msat[] | PaymentFailure => {
  const { amount, scheme } = request;
  const spendable = spendableIn(scheme === 'single' ? 1 : request.maxShards, outlets);
  if (isEob(request) && redundancyOf(request) > 0) return withSpare(request, outlets, spendable);
  const strategy = strategyOf(request, context);
  if (strategy === undefined) return unknownStrategy(context.strategies);
  const pieces =
    scheme === 'single'
      ? amount <= spendable
        ? [amount]
        : undefined
      : firstPieces(strategy, wishOf(request), outlets);
  return pieces ?? { code: 'amount_too_large', spendable };
};
