/** A payment as it is listed: kept from its first moment, ended by its result. Its machine's own records are elsewhere and gone by then. */

import type { PaymentFailure, ShardFailure } from '../../amp/events.ts';
import { type Payment, totalsOf } from '../../amp/payment.ts';
import type { Route } from '../../amp/route.ts';
import { numberedName } from '../../amp/storecodecs.ts';
import { hex, text, utf8 } from '../../wire/bytes.ts';
import { bytes16, type Codec, decode, encode, list, map, optional, struct, u8, u16, u64 } from '../../wire/codec.ts';
import { bytes32, msat, point, preimage } from '../../wire/fields.ts';
import { type Msat, msat as msatOf, type Point, type Preimage } from '../../wire/units.ts';

/** `complete`: a preimage of it is known, whatever became of its other parts. */
export type PayStatus = 'pending' | 'complete' | 'failed';

export interface PayRecord {
  readonly id: string;
  readonly createdIndex: bigint;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly destination: Point;
  /** The invoice's payment hash, or 32 random bytes for a payment without invoice. */
  readonly paymentHash: Uint8Array;
  readonly amount: Msat;
  /** The share scheme of an AMP by its name, or `single` or `mpp`. */
  readonly scheme: string;
  readonly label: string | undefined;
  readonly bolt11: string | undefined;
  readonly description: string | undefined;
  readonly status: PayStatus;
  readonly end:
    | {
        /** Unix seconds. */
        readonly at: number;
        readonly delivered: Msat;
        readonly sent: Msat;
        readonly parts: number;
        readonly preimages: readonly Preimage[];
        /** Why it failed, in words. */
        readonly why: string | undefined;
        /** The same for programs. Not kept: only whoever waited for the payment is told. */
        readonly cause?: PaymentFailure['code'] | 'invoice_expired' | 'internal';
      }
    | undefined;
}

const string: Codec<string> = map(bytes16, text, utf8);
const statuses = ['pending', 'complete', 'failed'] as const;
const word = <T extends string>(words: readonly T[]): Codec<T> =>
  map(
    u8,
    (n) => {
      const found = words[n];
      if (found === undefined) throw new RangeError(`one of ${words.join(', ')}`);
      return found;
    },
    (value) => words.indexOf(value),
  );
const seconds: Codec<number> = map(u64, Number, BigInt);

const record: Codec<PayRecord> = struct({
  id: string,
  createdIndex: u64,
  createdAt: seconds,
  destination: point,
  paymentHash: bytes32,
  amount: msat,
  scheme: numberedName({ fixed: 0, dynamic: 1, single: 2, mpp: 3 }),
  label: optional(string),
  bolt11: optional(string),
  description: optional(string),
  status: word(statuses),
  end: optional(
    struct({
      at: seconds,
      delivered: msat,
      sent: msat,
      parts: u16,
      preimages: list(u16, preimage),
      why: optional(string),
    }),
  ),
});

/** Whether it was made in shares, as an AMP. */
export const isAmp = ({ scheme }: Pick<PayRecord, 'scheme'>): boolean => scheme !== 'single' && scheme !== 'mpp';

export const PAYS = 'pay/';
export const encodePay = (pay: PayRecord): Uint8Array => encode(record, pay);
/** Throws WireError. */
export const decodePay = (bytes: Uint8Array): PayRecord => {
  const pay = decode(record, bytes);
  // Versions before called a payment failed that was claimed in part.
  const claimed = pay.status === 'failed' && (pay.end?.preimages.length ?? 0) > 0;
  return claimed ? { ...pay, status: 'complete' } : pay;
};

/** What there is to say of a payment that is complete with less than was meant; undefined for any other. */
export const shortfall = ({ status, amount, end }: PayRecord): string | undefined =>
  status === 'complete' && end !== undefined && end.delivered < amount
    ? `${end.delivered} of ${amount} msat have been claimed so far, and with one preimage known it counts as paid: nothing more is sent for it`
    : undefined;

/** A payment as it stands: complete as soon as a preimage of it is known, at `at`, though others of its shards may still be out. */
export const withClaims = (record: PayRecord, state: Payment | undefined, at: number): PayRecord => {
  const totals = record.status === 'pending' && state?.kind === 'running' ? totalsOf(state) : undefined;
  if (totals === undefined || totals.parts === 0) return record;
  const { amount: delivered, amountSent: sent, parts, preimages } = totals;
  return { ...record, status: 'complete', end: { at, delivered, sent, parts, preimages, why: undefined } };
};

/** How one attempt of a shard failed, in words: what was said, and by whom. */
export const shardFailureText = ({ failure, hop, route }: ShardFailure & { readonly route: Route }): string => {
  if (hop === undefined) return `${failure}, and nobody knows at which node`;
  const node = route[hop]?.node;
  return node === undefined ? `${failure} at this node` : `${failure} at node ${hex(node)}`;
};

const failureText = (why: PaymentFailure): string => {
  switch (why.code) {
    case 'no_route':
      return `no route carries ${why.amount} msat within the fee limit`;
    case 'amount_too_large':
      return `our channels can send at most ${why.spendable} msat now`;
    case 'bad_request':
      return `${why.field}: expected ${why.expected}`;
    case 'refused_by_destination':
      return `the destination refused the payment: ${why.failure}`;
    case 'too_many_attempts':
      return `gave up after ${why.attempts} attempts`;
    case 'deadline':
      return 'gave up: the time to try was over';
    case 'cancelled':
      return 'cancelled';
    case 'partially_claimed':
      return `the destination claimed only ${why.claimed} msat of it`;
    case 'preimage_known':
      return 'what opens its payment_hash is known already, so that whoever forwards the payment might keep it';
  }
};

/** These say that there was no more to try; what was tried says why. */
const isExhausted = ({ code }: PaymentFailure): boolean =>
  code === 'no_route' || code === 'too_many_attempts' || code === 'deadline';

/** Why a payment failed: as a sentence, with the failure of the last shard where that says more, and as a code. */
export const failureOf = (
  reason: PaymentFailure,
  last: string | undefined,
  hasExpired: boolean,
): { readonly why: string; readonly cause: NonNullable<NonNullable<PayRecord['end']>['cause']> } => {
  const expired = reason.code === 'deadline' && hasExpired;
  const said = expired ? 'gave up: the invoice has expired' : failureText(reason);
  const why = isExhausted(reason) && last !== undefined ? `${said}; the last failure was ${last}` : said;
  return { why, cause: expired ? 'invoice_expired' : reason.code };
};

/** What is known of a payment that an error inside the node ended, with a preimage that came in that moment. */
export const brokenEnd = (
  state: Payment,
  preimage: Preimage | undefined,
): Omit<NonNullable<PayRecord['end']>, 'at'> => {
  const totals = state.kind === 'running' ? totalsOf(state) : undefined;
  const preimages = [...(totals?.preimages ?? []), ...(preimage === undefined ? [] : [preimage])];
  const { amount: delivered, amountSent: sent } = totals ?? { amount: msatOf(0n), amountSent: msatOf(0n) };
  const why = preimages.length > 0 ? undefined : 'an error inside the node, whose log says more; nothing more is sent';
  return { delivered, sent, parts: preimages.length, preimages, why, ...(why !== undefined && { cause: 'internal' }) };
};
