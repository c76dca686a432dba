/** The record of a payment of ours, for listing: written when it starts, and once more with its result, when the records of its machine are deleted. */

import type { PaymentFailure, ShardFailure } from '../../amp/events.ts';
import type { PaymentRequest } from '../../amp/io.ts';
import { type Payment, type PaymentResult, totalsOf } from '../../amp/payment.ts';
import type { Route } from '../../amp/route.ts';
import { numberedName } from '../../amp/storecodecs.ts';
import { hex, text, utf8 } from '../../wire/bytes.ts';
import {
  bytes16,
  type Codec,
  decode,
  encode,
  list,
  map,
  optional,
  struct,
  u8,
  u16,
  u64,
  WireError,
} from '../../wire/codec.ts';
import { bytes32, msat, point, preimage } from '../../wire/fields.ts';
import { type Msat, msat as msatOf, type Point, type Preimage } from '../../wire/units.ts';
import { type Preference, preferences } from '../graph/likelihood.ts';

/** `complete`: a preimage is known, even if other parts failed. */
export type PaymentStatus = 'pending' | 'complete' | 'failed';

/** Why a payment failed, for programs. A record keeps a code's place in this list, which therefore only grows at its end. */
const failureCodes = [
  'no_route',
  'amount_too_large',
  'bad_request',
  'refused_by_destination',
  'too_many_attempts',
  'deadline',
  'invoice_expired',
  'cancelled',
  'partially_claimed',
  'preimage_known',
  'internal',
  'node_stopped',
  'strategy_failed',
  'channels_full',
] as const;
export type PaymentFailureCode = (typeof failureCodes)[number];

export interface PaymentRecord {
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
  /** The strategy that it named. */
  readonly strategy?: string | undefined;
  /** Which routes it prefers, where the caller said so. */
  readonly prefer?: Preference | undefined;
  readonly label: string | undefined;
  readonly bolt11: string | undefined;
  readonly description: string | undefined;
  readonly status: PaymentStatus;
  readonly result:
    | {
        /** Unix seconds. */
        readonly at: number;
        readonly delivered: Msat;
        readonly sent: Msat;
        readonly parts: number;
        readonly preimages: readonly Preimage[];
        /** Why it failed, in words; undefined where it did not. */
        readonly why: string | undefined;
        /** The same for programs; undefined also where a version kept the payment that did not keep the code. */
        readonly code?: PaymentFailureCode | undefined;
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

interface Failed {
  readonly why: string | undefined;
  readonly code?: PaymentFailureCode | undefined;
}

/** First bytes of what a record says of a failure. Versions before knew the first two only: no failure, and one in words alone. */
const NO_FAILURE = 0;
const FAILURE_IN_WORDS = 1;
const FAILURE_WITH_CODE = 2;

const failed: Codec<Failed> = {
  write: (w, { why, code }) => {
    u8.write(w, why === undefined ? NO_FAILURE : code === undefined ? FAILURE_IN_WORDS : FAILURE_WITH_CODE);
    if (why === undefined) return;
    if (code !== undefined) u8.write(w, failureCodes.indexOf(code));
    string.write(w, why);
  },
  read: (r) => {
    const kind = u8.read(r);
    switch (kind) {
      case NO_FAILURE:
        return { why: undefined };
      case FAILURE_IN_WORDS:
        return { why: string.read(r) };
      case FAILURE_WITH_CODE: {
        // A number of a later version: its words are there all the same.
        const code = failureCodes[u8.read(r)];
        return { why: string.read(r), ...(code !== undefined && { code }) };
      }
      default:
        throw new WireError({ code: 'invalid_value', expected: 'a failure, in words or with its code, or none' });
    }
  },
};

const result = map(
  struct({ at: seconds, delivered: msat, sent: msat, parts: u16, preimages: list(u16, preimage), failed }),
  ({ failed: { why, code }, ...rest }) => ({ ...rest, why, ...(code !== undefined && { code }) }),
  ({ why, code, ...rest }: NonNullable<PaymentRecord['result']>) => ({ ...rest, failed: { why, code } }),
);

/** The record of a payment that begins at `createdAt`, Unix seconds. */
export const draftOf = (
  { id, destination, amount, scheme, strategy }: PaymentRequest,
  {
    paymentHash,
    label,
    bolt11,
    description,
    prefer,
  }: Pick<PaymentRecord, 'paymentHash' | 'label' | 'bolt11' | 'description' | 'prefer'>,
  createdAt: number,
): Omit<PaymentRecord, 'createdIndex' | 'status' | 'result'> => ({
  ...{ id, createdAt, destination, paymentHash, amount, scheme, strategy, label, bolt11, description, prefer },
});

/** At the end of a record, where versions before had nothing, or only the strategy. An empty text stands for none. */
const atTheEnd: Codec<Pick<PaymentRecord, 'strategy' | 'prefer'>> = {
  write: (w, { strategy, prefer }) => {
    if (strategy !== undefined || prefer !== undefined) string.write(w, strategy ?? '');
    if (prefer !== undefined) string.write(w, prefer);
  },
  read: (r) => {
    const [strategy, named] = [r.left === 0 ? '' : string.read(r), r.left === 0 ? '' : string.read(r)];
    // One of a later version is as good as none.
    const prefer = preferences.find((one) => one === named);
    return { ...(strategy !== '' && { strategy }), ...(prefer !== undefined && { prefer }) };
  },
};

const record: Codec<PaymentRecord> = map(
  struct({
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
    result: optional(result),
    end: atTheEnd,
  }),
  ({ end, ...rest }) => ({ ...rest, ...end }),
  ({ strategy, prefer, ...rest }) => ({ ...rest, end: { strategy, prefer } }),
);

/** Whether it was sent as an AMP, in shares. */
export const isAmp = ({ scheme }: Pick<PaymentRecord, 'scheme'>): boolean => scheme !== 'single' && scheme !== 'mpp';

export const PAYMENT_RECORDS = 'pay/';
export const encodePaymentRecord = (pay: PaymentRecord): Uint8Array => encode(record, pay);
/** Throws WireError. */
export const decodePaymentRecord = (bytes: Uint8Array): PaymentRecord => {
  const pay = decode(record, bytes);
  // Earlier versions recorded a payment that was claimed in part as failed.
  const claimed = pay.status === 'failed' && (pay.result?.preimages.length ?? 0) > 0;
  return claimed ? { ...pay, status: 'complete' } : pay;
};

/** The payment of a hash, in hex, among those that are pending. */
export const pendingOf = (pending: readonly PaymentRecord[], hash: string): PaymentRecord | undefined =>
  pending.find(({ paymentHash }) => hex(paymentHash) === hash);

/** What a payment delivered, if it is complete; else what it was to deliver, msat. */
export const amountOf = ({ status, amount, result }: PaymentRecord): Msat =>
  status === 'complete' && result !== undefined ? result.delivered : amount;

/** A sentence about a payment that is complete with less than its amount; undefined for any other. */
export const shortfall = ({ status, amount, result }: PaymentRecord): string | undefined =>
  status === 'complete' && result !== undefined && result.delivered < amount
    ? `${result.delivered} of ${amount} msat have been claimed so far, and with one preimage known it counts as paid: nothing more is sent`
    : undefined;

/** The record with what a pending payment's machine knows: complete, since `at`, once a preimage is known, even if shards are still in flight. */
export const withClaims = (record: PaymentRecord, state: Payment | undefined, at: number): PaymentRecord => {
  const totals = record.status === 'pending' && state?.kind === 'running' ? totalsOf(state) : undefined;
  if (totals === undefined || totals.parts === 0) return record;
  const { amount: delivered, amountSent: sent, parts, preimages } = totals;
  return { ...record, status: 'complete', result: { at, delivered, sent, parts, preimages, why: undefined } };
};

/** How one attempt of a shard failed, in words: the failure, and which node reported it. */
export const shardFailureText = ({ failure, hop, route }: ShardFailure & { readonly route: Route }): string => {
  if (hop === undefined) return `${failure}, at an unknown node`;
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
      if (why.failure === 'mpp_timeout')
        return 'the destination gave back what it got, since the rest of the whole amount did not arrive in time: mpp_timeout';
      return `the destination refused the payment: ${why.failure}`;
    case 'too_many_attempts':
      return `gave up after ${why.attempts} attempts`;
    case 'deadline':
      return 'gave up: the time to retry was over';
    case 'channels_full':
      return 'gave up: other payments filled our channels, or their peers were away, until the time to retry was over';
    case 'cancelled':
      return 'cancelled';
    case 'partially_claimed':
      return `the destination claimed only ${why.claimed} msat of it`;
    case 'strategy_failed':
      return `strategy ${why.strategy} has a mistake: ${why.detail}; name another strategy`;
    case 'preimage_known':
      return 'the preimage of its payment_hash is already known, so a forwarding node could claim the payment instead of its destination';
  }
};

/** Nothing was left to try: the failure of the last attempt says more. */
const isExhausted = ({ code }: PaymentFailure): boolean =>
  code === 'no_route' || code === 'too_many_attempts' || code === 'deadline';

/** Why a payment failed: as a sentence, with the failure of the last shard where that says more, and as a code. */
export const failureReason = (
  reason: PaymentFailure,
  last: string | undefined,
  hasExpired: boolean,
): { readonly why: string; readonly code: PaymentFailureCode } => {
  const expired = (reason.code === 'deadline' || reason.code === 'channels_full') && hasExpired;
  const said = expired ? 'gave up: the invoice has expired' : failureText(reason);
  const why = isExhausted(reason) && last !== undefined ? `${said}; the last failure was ${last}` : said;
  return { why, code: expired ? 'invoice_expired' : reason.code };
};

/** The result of a payment that has ended, with the failure of its last shard and whether its invoice has expired by then. */
export const resultOf = (
  event: PaymentResult,
  last: string | undefined,
  hasExpired: boolean,
): Omit<NonNullable<PaymentRecord['result']>, 'at'> => {
  const { amount: delivered, amountSent: sent, parts, preimages } = event;
  const failed = event.event === 'payment_failed' ? failureReason(event.reason, last, hasExpired) : { why: undefined };
  return { delivered, sent, parts, preimages, ...failed };
};

/** The result of a payment that the node began and stopped before any HTLC of it was saved. */
export const neverSent: Omit<NonNullable<PaymentRecord['result']>, 'at'> = {
  ...{ delivered: msatOf(0n), sent: msatOf(0n), parts: 0, preimages: [] },
  ...{ why: 'the node stopped before anything was sent', code: 'node_stopped' },
};

/** The result of a payment that an internal error ended, with a preimage that arrived at that moment. */
export const resultOfInternalError = (
  state: Payment,
  preimage: Preimage | undefined,
): Omit<NonNullable<PaymentRecord['result']>, 'at'> => {
  // One that has ended is as it ended: the error came while that was being told.
  const totals = state.kind === 'running' ? totalsOf(state) : state.kind === 'finished' ? state.result : undefined;
  const preimages = [...(totals?.preimages ?? []), ...(preimage === undefined ? [] : [preimage])];
  const { amount: delivered, amountSent: sent } = totals ?? { amount: msatOf(0n), amountSent: msatOf(0n) };
  const parts = Math.max(totals?.parts ?? 0, preimages.length);
  const why = preimages.length > 0 ? undefined : 'an internal error, see the log of the node; nothing more is sent';
  return { delivered, sent, parts, preimages, why, ...(why !== undefined && { code: 'internal' }) };
};
