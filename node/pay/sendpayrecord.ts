/**
 * The record of one HTLC that a caller sent with `sendpay` or `sendonion`: written before the HTLC leaves, and once more with its
 * result. Several parts of one payment hash and group are one payment.
 */

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
  union,
} from '../../wire/codec.ts';
import { bytes32, msat, paymentHash, point, preimage, shortChannelId } from '../../wire/fields.ts';
import {
  type Msat,
  msat as msatOf,
  type PaymentHash,
  type Point,
  type Preimage,
  type ShortChannelId,
} from '../../wire/units.ts';
import type { PaymentRecord } from './paymentrecord.ts';

/** Why such an HTLC failed. */
export type SendpayFailure =
  /** The failure could not be decrypted, or there were no shared secrets to do it with: as it came. */
  | { readonly kind: 'unreadable'; readonly reason: Uint8Array }
  /**
   * A failure of BOLT 4. `index` counts nodes from 0, which is this one; `code` is the failure's, `message` its bytes, none where it
   * arose here; `words` say more.
   */
  | {
      readonly kind: 'routing';
      readonly index: number;
      readonly code: number;
      readonly message: Uint8Array;
      readonly words: string;
    };

/** How it ended, at `at` in Unix seconds. */
export type SendpayResult = { readonly at: number } & (
  | { readonly kind: 'complete'; readonly preimage: Preimage }
  | { readonly kind: 'failed'; readonly failure: SendpayFailure }
);

export interface SendpayRecord {
  readonly createdIndex: bigint;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly paymentHash: PaymentHash;
  /** 0 for the only part of a payment. */
  readonly partid: bigint;
  readonly groupid: bigint;
  /** To arrive at the destination; 0 where that is not known. */
  readonly amount: Msat;
  readonly amountSent: Msat;
  /** What all parts are to come to; 0 where that is not known. */
  readonly total: Msat;
  readonly destination: Point | undefined;
  readonly label: string | undefined;
  readonly bolt11: string | undefined;
  readonly description: string | undefined;
  /** Each node and the channel that leads to it; empty where the caller made the onion. */
  readonly route: readonly { readonly node: Point; readonly scid: ShortChannelId }[];
  /** One of each hop, 32 bytes, while a failure may come back: they open it. Secret. */
  readonly sharedSecrets: readonly Uint8Array[];
  readonly result: SendpayResult | undefined;
}

const string: Codec<string> = map(bytes16, text, utf8);
const seconds: Codec<number> = map(u64, Number, BigInt);

const failure: Codec<SendpayFailure> = union('kind', {
  unreadable: { id: 1, body: struct({ reason: bytes16 }) },
  routing: { id: 2, body: struct({ index: u8, code: u16, message: bytes16, words: string }) },
});
const result: Codec<SendpayResult> = union('kind', {
  complete: { id: 1, body: struct({ at: seconds, preimage }) },
  failed: { id: 2, body: struct({ at: seconds, failure }) },
});

const record: Codec<SendpayRecord> = struct({
  createdIndex: u64,
  createdAt: seconds,
  paymentHash,
  partid: u64,
  groupid: u64,
  amount: msat,
  amountSent: msat,
  total: msat,
  destination: optional(point),
  label: optional(string),
  bolt11: optional(string),
  description: optional(string),
  route: list(u8, struct({ node: point, scid: shortChannelId })),
  sharedSecrets: list(u8, bytes32),
  result: optional(result),
});

/** Throws WireError when a field does not fit. */
export const encodeSendpay = (sendpay: SendpayRecord): Uint8Array => encode(record, sendpay);
/** Throws WireError. */
export const decodeSendpay = (bytes: Uint8Array): SendpayRecord => decode(record, bytes);

export type SendpayStatus = 'pending' | 'complete' | 'failed';
export const statusOf = ({ result }: Pick<SendpayRecord, 'result'>): SendpayStatus => result?.kind ?? 'pending';

/** How a payment of several parts stands: complete once one is, since with its preimage known nothing more may be sent. */
export const statusOfAll = (parts: readonly SendpayRecord[]): SendpayStatus => {
  const statuses = new Set(parts.map(statusOf));
  return statuses.has('complete') ? 'complete' : statuses.has('pending') ? 'pending' : 'failed';
};

const sum = (amounts: readonly Msat[]): Msat => msatOf(amounts.reduce((a, b) => a + b, 0n));

/** What the parts that were not failed back bring and cost; undefined where it is not known what they bring. */
export const amountsOf = (
  parts: readonly SendpayRecord[],
): { readonly amount: Msat | undefined; readonly amountSent: Msat } => {
  const standing = parts.filter((part) => statusOf(part) !== 'failed');
  const amount = sum((standing.length > 0 ? standing : parts).map((part) => part.amount));
  return { amount: amount === 0n ? undefined : amount, amountSent: sum(standing.map((part) => part.amountSent)) };
};

/** A payment whose parts were sent with `sendpay`, as the record of a payment to `destination`; undefined unless it is complete. */
export const paymentOfParts = (parts: readonly SendpayRecord[], destination: Point): PaymentRecord | undefined => {
  const paid = parts.filter((part) => part.result?.kind === 'complete');
  const [first] = paid;
  if (first?.result?.kind !== 'complete') return undefined;
  const amount = sum(paid.map((part) => part.amount));
  const sent = sum(paid.map((part) => part.amountSent));
  const { createdIndex, createdAt, paymentHash: hashPaid, label, bolt11, description } = first;
  const at = Math.max(...paid.map((part) => part.result?.at ?? 0));
  return {
    ...{ id: hex(hashPaid), createdIndex, createdAt, destination: first.destination ?? destination },
    ...{ paymentHash: hashPaid, amount, scheme: paid.length > 1 ? 'mpp' : 'single', label, bolt11, description },
    status: 'complete',
    result: { at, delivered: amount, sent, parts: paid.length, preimages: [first.result.preimage], why: undefined },
  };
};
