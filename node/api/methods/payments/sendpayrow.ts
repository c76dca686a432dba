/** A part of a payment as `sendpay`, `waitsendpay` and `listsendpays` tell it, and what callers are told of one that failed. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { msat, type Point, scidText } from '../../../../wire/units.ts';
import { isAmp, type PaymentRecord } from '../../../pay/paymentrecord.ts';
import { erringOf, failcodeName, failureWords, verdictOn } from '../../../pay/sendpayfailure.ts';
import type { Part } from '../../../pay/sendpayprogress.ts';
import { partOfPayment } from '../../../pay/sendpayprogress.ts';
import { type SendpayFailure, type SendpayRecord, statusOf } from '../../../pay/sendpayrecord.ts';
import { ApiError, type ErrorName } from '../../errors.ts';
import * as field from '../../results.ts';
import { failureField } from './paymentrow.ts';

export const partFields = {
  created_index: field.u64,
  /** The same. */
  id: field.u64,
  payment_hash: field.hash,
  groupid: field.u64,
  partid: field.u64.optional(),
  destination: field.nodeId.optional(),
  amount_msat: field.amountMsat.optional(),
  amount_sent_msat: field.amountMsat,
  created_at: field.u64,
  completed_at: field.u64.optional(),
  payment_preimage: field.hash.optional(),
  /** Of an atomic multi-path payment, which has more than one. */
  payment_preimages: z.array(field.hash).optional(),
  label: field.text.optional(),
  bolt11: field.text.optional(),
  description: field.text.optional(),
  /** A failure that could not be decrypted. */
  erroronion: field.hexText.optional(),
  /** Why a payment of `pay` failed. */
  error: z.object({ code: z.number().int(), name: field.text, message: field.text }).optional(),
};

const statusField = z.enum(['pending', 'complete', 'failed']);
const row = z.object({ ...partFields, status: statusField });
export const sentRow = z.object({
  ...partFields,
  status: z.enum(['pending', 'complete']),
  message: field.text.optional(),
});

type Row = z.output<typeof row>;

const texts = ({ label, bolt11, description }: Pick<SendpayRecord, 'label' | 'bolt11' | 'description'>) => ({
  ...(label !== undefined && { label }),
  ...(bolt11 !== undefined && { bolt11 }),
  ...(description !== undefined && { description }),
});

const rowOfPayment = (payment: PaymentRecord): Row => {
  const { result, status, createdIndex, createdAt, destination } = payment;
  const preimages = (result?.preimages ?? []).map(hex);
  return {
    ...{ created_index: Number(createdIndex), id: Number(createdIndex), payment_hash: hex(payment.paymentHash) },
    ...{ groupid: 1, destination: hex(destination), status, created_at: createdAt },
    amount_msat: status === 'complete' && result !== undefined ? result.delivered : payment.amount,
    amount_sent_msat: result?.sent ?? msat(0n),
    ...(result !== undefined && { completed_at: result.at }),
    ...(preimages[0] !== undefined &&
      (isAmp(payment) ? { payment_preimages: preimages } : { payment_preimage: preimages[0] })),
    ...texts(payment),
    ...failureField(payment),
  };
};

const rowOfSendpay = (sendpay: SendpayRecord): Row => {
  const { createdIndex, groupid, partid, destination, amount, amountSent, createdAt, result } = sendpay;
  const failure = result?.kind === 'failed' ? result.failure : undefined;
  return {
    ...{ created_index: Number(createdIndex), id: Number(createdIndex), payment_hash: hex(sendpay.paymentHash) },
    groupid: Number(groupid),
    ...(partid !== 0n && { partid: Number(partid) }),
    ...(destination && { destination: hex(destination) }),
    ...(amount !== 0n && { amount_msat: amount }),
    ...{ amount_sent_msat: amountSent, created_at: createdAt, status: statusOf(sendpay) },
    ...(result !== undefined && { completed_at: result.at }),
    ...(result?.kind === 'complete' && { payment_preimage: hex(result.preimage) }),
    ...texts(sendpay),
    ...(failure?.kind === 'unreadable' && { erroronion: hex(failure.reason) }),
  };
};

export const rowOf = ({ record }: Part): Row =>
  record.of === 'pay' ? rowOfPayment(record.payment) : rowOfSendpay(record.sendpay);
export const rowOfRecord = (record: SendpayRecord | PaymentRecord): Row =>
  'id' in record ? rowOf(partOfPayment(record)) : rowOfSendpay(record);

const names: Readonly<Record<ReturnType<typeof verdictOn>, ErrorName>> = {
  unreadable: 'pay_unparseable_onion',
  destination: 'pay_destination_failed',
  route: 'pay_try_other_route',
};

/** A row in the data of an error, where an amount is a number. */
const inData = (shown: Row): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(shown).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
  );

/** Where on the route it failed, under Core Lightning's names. */
const erringData = (
  us: Point,
  part: Pick<SendpayRecord, 'route'>,
  failure: SendpayFailure,
): Record<string, unknown> => {
  if (failure.kind === 'unreadable') return { onionreply: hex(failure.reason) };
  const { node, channel, direction } = erringOf(us, part, failure);
  const name = failcodeName(failure.code);
  return {
    ...{ erring_index: failure.index, failcode: failure.code },
    ...(name !== undefined && { failcodename: name }),
    ...(node && { erring_node: hex(node) }),
    ...(channel !== undefined && { erring_channel: scidText(channel), erring_direction: direction }),
    ...(failure.message.length > 0 && { raw_message: hex(failure.message) }),
  };
};

/** The error for an HTLC that failed, or could not be sent at all, in which case there is no record of it. */
export const failedError = (
  us: Point,
  part: Pick<SendpayRecord, 'route'>,
  failure: SendpayFailure,
  record?: SendpayRecord,
): ApiError =>
  new ApiError(names[verdictOn(part, failure)], failureWords(us, part, failure), {
    ...(record !== undefined && inData(rowOfSendpay(record))),
    ...erringData(us, part, failure),
  });

/** The error for a part that failed. */
export const partError = (us: Point, { record }: Part): ApiError => {
  if (record.of === 'sendpay') {
    const { result } = record.sendpay;
    if (result?.kind === 'failed') return failedError(us, record.sendpay, result.failure, record.sendpay);
    return new ApiError('pay_failed', 'the payment failed, and the reason is not on record');
  }
  const { error } = failureField(record.payment);
  const shown = inData(rowOfPayment(record.payment));
  return new ApiError('pay_failed', error?.message ?? 'the payment failed, and the reason is not on record', shown);
};
