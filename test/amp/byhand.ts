/** Payments under test answered by hand: routes over one forwarder, failures made at any hop of them. */

import type { Outcome, PaymentRequest } from '../../amp/io.ts';
import { sessionKey } from '../../amp/onions.ts';
import type { Exclusions, Outlet, Route } from '../../amp/route.ts';
import { decodeBlob } from '../../amp/shares.ts';
import type { Failure } from '../../onion/failuremessages.ts';
import { createFailure, wrapFailure } from '../../onion/failureonion.ts';
import { hopSecrets } from '../../onion/keys.ts';
import { zeros } from '../../wire/bytes.ts';
import { msat, shortChannelId } from '../../wire/units.ts';
import { nodeOf, type Offer, PaymentUnderTest } from './payer.ts';

export const scid = (n: number) => shortChannelId(BigInt(n));
export const outlet = (n: number, spendable: bigint): Outlet => ({
  scid: scid(n),
  peer: nodeOf(n),
  spendable: msat(spendable),
  slots: 10,
});
export const roomy = [outlet(1, 2_000_000n), outlet(2, 2_000_000n)];
export const small = [outlet(1, 700_000n), outlet(2, 700_000n)];

/** Over outlet `n` and one forwarder to the destination. */
export const via = (n: number, amount: bigint, fee = 1000n): Route => [
  { node: nodeOf(n), scid: scid(n), amount: msat(amount + fee), expiry: 550, tlvOnly: false },
  { node: nodeOf(0), scid: scid(10 + n), amount: msat(amount), expiry: 540, tlvOnly: false },
];
/** `roundTrip`: milliseconds until a failure is back, over any route. */
export const started = (request: PaymentRequest, outlets = roomy, roundTrip = 1000, exclude?: Exclusions) => {
  const payer = new PaymentUnderTest();
  payer.roundTrip = roundTrip;
  return payer.start(request, outlets, exclude);
};
export const answer = (payer: PaymentUnderTest, n?: number, fee?: bigint): void => {
  const { query } = payer;
  if (query === undefined) throw new Error('no route was asked for');
  payer.query = undefined;
  const route = n === undefined ? undefined : via(n, query.amount, fee);
  payer.step({ type: 'route', query: query.query, route, roundTrip: payer.roundTrip });
};
/** Answers every query, over outlet 1 and 2 in turn. */
export const answerAll = (payer: PaymentUnderTest): void => {
  for (let n = 0; payer.query !== undefined; n++) answer(payer, 1 + (n % 2));
};
export const end = (payer: PaymentUnderTest, offer: Offer | undefined, outcome: Outcome): void => {
  payer.step({ type: 'outcome', attempt: offer?.attempt ?? -1, outcome });
};
export const take = (payer: PaymentUnderTest): Offer => {
  const offer = payer.offers.shift();
  if (offer === undefined) throw new Error('nothing was offered');
  return offer;
};
/** A failure from hop `hop` of a route over outlet `n`. */
export const failed = (request: PaymentRequest, offer: Offer, n: number, hop: number, failure: Failure): Outcome => {
  const nodes = via(n, 1n).map(({ node }) => node);
  const secrets = hopSecrets(sessionKey(request.entropy, offer.attempt), nodes).map((s) => s.sharedSecret);
  const made = createFailure(secrets[hop] ?? zeros(32), failure);
  return { kind: 'failed', reason: secrets.slice(0, hop).reduceRight((r, secret) => wrapFailure(secret, r), made) };
};
export const busy: Failure = { name: 'temporary_channel_failure', channel_update: zeros(0) };
export const unknown: Failure = { name: 'incorrect_or_unknown_payment_details', htlc_msat: msat(1n), height: 500 };
export const blobsOf = (payer: PaymentUnderTest) =>
  payer.events.flatMap((event) => (event.event === 'shard_offered' ? event.blobs.map(decodeBlob) : []));
