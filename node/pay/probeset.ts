/** An AMP for a probe, whose last share is spoiled: what its onions are made of. */

import { DEPLOYED } from '../../amp/deployed.ts';
import type { PaymentRequest } from '../../amp/io.ts';
import type { AmpBlobs } from '../../amp/onions.ts';
import { spoiledBlobs, spoiledRecords } from '../../amp/probeshares.ts';
import type { Scheme } from '../../amp/scheme.ts';
import { PAYMENT_ID_LENGTH } from '../../onion/eobframe.ts';
import { zeros } from '../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, MAX_MONEY, type Msat, msat, type Point } from '../../wire/units.ts';

export interface ProbeSet {
  readonly request: PaymentRequest;
  /** What each HTLC tells the destination. */
  readonly shards: readonly AmpBlobs[];
}

/** What a set is made for: without an invoice, cut into `count` HTLCs. */
export interface ProbeSetTerms {
  readonly destination: Point;
  readonly amount: Msat;
  readonly finalCltv: number;
  readonly count: number;
}

/** The set, from 32 secret bytes and a payment_secret of 32 bytes, which lnd's AMP has besides. */
export const probeSet = (
  { destination, amount, finalCltv, count }: ProbeSetTerms,
  scheme: Scheme | typeof DEPLOYED,
  entropy: Uint8Array,
  paymentSecret: Uint8Array,
): ProbeSet => {
  const terms = {
    ...{ id: 'probe', destination, amount, finalCltv, entropy, shards: count, maxShards: count },
    ...{ maxFee: msat(MAX_MONEY), minShard: msat(1n), maxDelay: MAX_EXPIRY_AHEAD, deadline: 0, withhold: 0 },
  };
  if (scheme === DEPLOYED)
    return {
      request: { ...terms, scheme, paymentSecret, metadata: undefined },
      shards: spoiledRecords(entropy, count).map((record) => ({ protocol: undefined, blobs: [], record })),
    };
  const { name, protocol } = scheme;
  return {
    request: { ...terms, scheme: name, paymentId: zeros(PAYMENT_ID_LENGTH) },
    shards: spoiledBlobs(scheme, entropy, count).map((blobs) => ({ protocol, blobs })),
  };
};
