/** What of a request cannot be what was meant: the field and what was expected in it. */
import { MAX_EXPIRY_AHEAD } from '../wire/units.ts';
import type { PaymentFailure } from './events.ts';
import type { PaymentContext, PaymentRequest } from './io.ts';
import { blobsFault, isNode } from './onions.ts';
import { isEob, isOrdinary, redundancyOf, strategyOf } from './payment.ts';
import type { Schemes } from './scheme.ts';
import { spareStrategies, takesSpare, unknownStrategy } from './strategies.ts';

export const unknownScheme = (schemes: Schemes): PaymentFailure => ({
  code: 'bad_request',
  field: 'scheme',
  expected: `one of ${[...schemes.keys()].join(', ')}`,
});

/** The field of a request that cannot be what was meant. */
export const badField = (request: PaymentRequest, context: PaymentContext): PaymentFailure | undefined => {
  const { schemes, strategies } = context;
  const { amount, maxShards, shards, entropy, destination, withhold, scheme } = request;
  const whole = (n: number, from: number, to: number): boolean => Number.isInteger(n) && n >= from && n <= to;
  const bad = (field: string, expected: string): PaymentFailure => ({ code: 'bad_request', field, expected });
  if (amount <= 0n) return bad('amount', 'more than 0 msat');
  if (!isNode(destination, context)) return bad('destination', 'a point on secp256k1, 33 bytes');
  if (!whole(maxShards, 1, 255)) return bad('maxShards', '1 to 255');
  if (shards !== undefined && !whole(shards, 1, maxShards)) return bad('shards', `1 to ${maxShards}`);
  if (scheme === 'single' && (shards ?? 1) !== 1) return bad('shards', '1, for a payment in one HTLC');
  const strategy = strategyOf(request, context);
  if (strategy === undefined) return unknownStrategy(strategies);
  if (strategy.needsShards && shards === undefined && scheme !== 'single')
    return bad('shards', `how many HTLCs to cut the amount into, which strategy ${strategy.name} does not decide`);
  if (!takesSpare(strategy) && redundancyOf(request) > 0)
    return bad('strategy', `${spareStrategies(strategies)}: shards of which any so many will do are all equal`);
  if (!whole(request.maxDelay, 1, MAX_EXPIRY_AHEAD)) return bad('maxDelay', `1 to ${MAX_EXPIRY_AHEAD} blocks`);
  if (!whole(withhold, 0, 255)) return bad('withhold', '0 to 255');
  if (entropy.length !== 32) return bad('entropy', '32 bytes');
  const blobs = blobsFault(request, context);
  if (blobs !== undefined) return blobs;
  if (isOrdinary(request) && request.total !== undefined && request.total < amount)
    return bad('amount', `no more than the whole, ${request.total} msat`);
  if (!isEob(request)) return request.paymentSecret.length === 32 ? undefined : bad('paymentSecret', '32 bytes');
  if (!schemes.has(request.scheme)) return unknownScheme(schemes);
  if (request.paymentId.length !== 11) return bad('paymentId', '11 bytes');
  const { shares, redundancy = 0 } = request;
  const rules = schemes.get(request.scheme);
  if (shares !== undefined && (!whole(shares, 1, 255) || rules?.furtherBlobs !== true))
    return bad('shares', '1 to 255, with a scheme whose HTLCs can carry several');
  if (!whole(redundancy, 0, maxShards - (shards ?? 1))) return bad('redundancy', `0 to ${maxShards - (shards ?? 1)}`);
  if (redundancy > 0 && rules?.needsAny !== true)
    return bad('redundancy', 'a scheme of which any so many shards will do');
  return undefined;
};
