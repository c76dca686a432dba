/**
 * What may be sent beside what was sent already for the same payment hash, as Core Lightning decides it: one group at a time, no part
 * twice, nothing once a part is paid, and not more than the total.
 */

import { equal } from '../../wire/bytes.ts';
import { type Msat, msat, type Point } from '../../wire/units.ts';
import type { PaymentRecord } from './paymentrecord.ts';
import { type SendpayRecord, type SendpayStatus, statusOf } from './sendpayrecord.ts';

/** A part of a payment: an HTLC of `sendpay`, or a whole payment of `pay`, which counts as the only part of group 1. */
export interface Part extends Pick<SendpayRecord, 'createdIndex' | 'partid' | 'groupid' | 'amount' | 'total'> {
  readonly status: SendpayStatus;
  readonly destination: Point | undefined;
  readonly record:
    | { readonly of: 'sendpay'; readonly sendpay: SendpayRecord }
    | { readonly of: 'pay'; readonly payment: PaymentRecord };
}

export const partOfSendpay = (sendpay: SendpayRecord): Part => {
  const { createdIndex, partid, groupid, amount, total, destination } = sendpay;
  const record = { of: 'sendpay', sendpay } as const;
  return { createdIndex, partid, groupid, amount, total, destination, status: statusOf(sendpay), record };
};

export const partOfPayment = (payment: PaymentRecord): Part => {
  const { createdIndex, status, amount, destination, result } = payment;
  const arrived = result === undefined || status !== 'complete' ? amount : result.delivered;
  const record = { of: 'pay', payment } as const;
  return { createdIndex, partid: 0n, groupid: 1n, amount: arrived, total: amount, destination, status, record };
};

export type PartRefusal =
  | { readonly code: 'other_group'; readonly groupid: bigint }
  | { readonly code: 'parallel'; readonly pending: 'parallel' | 'single' }
  /** The same part again, with another amount or to somebody else. */
  | { readonly code: 'differs'; readonly status: 'pending' | 'complete'; readonly field: 'amount' | 'destination' }
  | { readonly code: 'part_used'; readonly partid: bigint; readonly groupid: bigint }
  | { readonly code: 'other_part_complete' }
  | { readonly code: 'total_changed'; readonly before: Msat }
  | { readonly code: 'total_reached'; readonly pending: Msat; readonly total: Msat }
  | { readonly code: 'total_exceeded'; readonly pending: Msat; readonly total: Msat };

interface NewPart extends Pick<SendpayRecord, 'partid' | 'amount' | 'total'> {
  readonly groupid: bigint | undefined;
  readonly destination: Point | undefined;
}

/** What a request says otherwise than the part of the same number. */
const difference = (before: Part, { amount, destination }: NewPart): 'amount' | 'destination' | undefined => {
  if (before.amount !== amount) return 'amount';
  const both = before.destination !== undefined && destination !== undefined;
  return both && !equal(before.destination, destination) ? 'destination' : undefined;
};

export const lastGroup = (parts: readonly Part[]): bigint => {
  let last = 0n;
  for (const { groupid } of parts) if (groupid > last) last = groupid;
  return last;
};

/** The part that a request repeats, what forbids it, or the group that it belongs to. */
export const progressOf = (
  before: readonly Part[],
  request: NewPart,
): { readonly part: Part } | { readonly refused: PartRefusal } | { readonly groupid: bigint } => {
  const { partid, amount, total } = request;
  const groupid = request.groupid ?? lastGroup(before) + 1n;
  let pending = 0n;
  for (const part of before) {
    if (part.status === 'complete') {
      if (part.partid !== partid) continue;
      const field = difference(part, request);
      return field === undefined ? { part } : { refused: { code: 'differs', status: 'complete', field } };
    }
    if (part.status === 'pending') {
      // `pay` has HTLCs of its own for it, which no other may join.
      if (part.groupid !== groupid || part.record.of === 'pay')
        return { refused: { code: 'other_group', groupid: part.groupid } };
      if ((part.partid === 0n) !== (partid === 0n))
        return { refused: { code: 'parallel', pending: part.partid === 0n ? 'single' : 'parallel' } };
      if (part.partid === partid) {
        const field = difference(part, request);
        return field === undefined ? { part } : { refused: { code: 'differs', status: 'pending', field } };
      }
      if (part.total !== total) return { refused: { code: 'total_changed', before: part.total } };
      pending += part.amount;
    }
    const isSame = part.record.of === 'sendpay' && part.partid === partid && part.groupid === groupid;
    if (isSame) return { refused: { code: 'part_used', partid, groupid } };
  }
  if (before.some(({ status }) => status === 'complete')) return { refused: { code: 'other_part_complete' } };
  const sums = { pending: msat(pending), total };
  if (total !== 0n && pending >= total) return { refused: { code: 'total_reached', ...sums } };
  if (total !== 0n && pending + amount > total) return { refused: { code: 'total_exceeded', ...sums } };
  return { groupid };
};
