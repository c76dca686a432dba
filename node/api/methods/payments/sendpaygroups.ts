/** The parts that `sendpay` sent of one payment hash and group, as the one payment that `listpays` shows. */

import { hex } from '../../../../wire/bytes.ts';
import type { Point } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { amountsOf, type SendpayRecord, statusOf, statusOfAll } from '../../../pay/sendpayrecord.ts';
import { failedError } from './sendpayrow.ts';

/** A payment in parts, listed where its first part stands. */
export interface SendpayGroup extends Pick<SendpayRecord, 'createdIndex' | 'paymentHash'> {
  readonly parts: readonly [SendpayRecord, ...SendpayRecord[]];
}

type Parts = { readonly sendpays: Pick<Node['sendpays'], 'list' | 'pending'> };

/** Payment hashes whose parts a list keeps at hand: those who try again and again send many parts of one. */
const HASHES_AT_HAND = 8;

/** Finds the parts of a part's payment hash and group; those of one hash are read once for many. */
const partsFinder = ({ sendpays }: Parts): ((one: SendpayRecord) => Promise<readonly SendpayRecord[]>) => {
  const atHand = new Map<string, ReadonlyMap<bigint, readonly SendpayRecord[]>>();
  const read = async (paymentHash: Uint8Array): Promise<ReadonlyMap<bigint, readonly SendpayRecord[]>> => {
    const groups = new Map<bigint, SendpayRecord[]>();
    for await (const one of sendpays.list(0n, paymentHash)) {
      const group = groups.get(one.groupid);
      if (group === undefined) groups.set(one.groupid, [one]);
      else group.push(one);
    }
    return groups;
  };
  return async ({ paymentHash, groupid }) => {
    const hash = hex(paymentHash);
    const known = atHand.get(hash);
    const groups = known?.has(groupid) ? known : await read(paymentHash);
    atHand.delete(hash);
    atHand.set(hash, groups);
    const [oldest] = atHand.keys();
    if (atHand.size > HASHES_AT_HAND && oldest !== undefined) atHand.delete(oldest);
    return groups.get(groupid) ?? [];
  };
};

/** Payments of sendpay whose first part has a number from `from` on, in order. `onlyPending`: those with a part under way. */
export async function* groupsOf(
  node: Parts,
  onlyPending: boolean,
  from: bigint,
  paymentHash: Uint8Array | undefined,
): AsyncGenerator<SendpayGroup> {
  const pending = new Map<bigint, SendpayGroup>();
  const partsWith = partsFinder(node);
  for await (const record of onlyPending ? node.sendpays.pending() : node.sendpays.list(from, paymentHash)) {
    const [first, ...more] = await partsWith(record);
    if (first === undefined) continue;
    const { createdIndex } = first;
    const group: SendpayGroup = { createdIndex, paymentHash: first.paymentHash, parts: [first, ...more] };
    if (onlyPending) pending.set(createdIndex, group);
    else if (record.createdIndex === createdIndex) yield group;
  }
  yield* [...pending.values()].sort((a, b) => (a.createdIndex < b.createdIndex ? -1 : 1));
}

/** One row of `listpays`. */
export const groupRow = (us: Point, { parts }: SendpayGroup) => {
  const [first] = parts;
  const status = statusOfAll(parts);
  const { amount, amountSent } = amountsOf(parts);
  const last = parts.at(-1) ?? first;
  const ends = parts.flatMap(({ result }) => (result === undefined ? [] : [result.at]));
  const preimage = parts.flatMap(({ result }) => (result?.kind === 'complete' ? [hex(result.preimage)] : []))[0];
  const { label, bolt11, description, destination } = first;
  const failure = status === 'failed' && last.result?.kind === 'failed' ? last.result.failure : undefined;
  const error = failure && failedError(us, last, failure);
  return {
    ...{ payment_hash: hex(first.paymentHash), status, created_at: first.createdAt },
    created_index: Number(first.createdIndex),
    ...(destination && { destination: hex(destination) }),
    ...(amount !== undefined && { amount_msat: amount }),
    amount_sent_msat: amountSent,
    ...(label !== undefined && { label }),
    ...(bolt11 !== undefined && { bolt11 }),
    ...(description !== undefined && { description }),
    ...(status !== 'pending' && { completed_at: Math.max(...ends) }),
    ...(preimage !== undefined && { preimage, payment_preimages: [preimage] }),
    ...(status === 'complete' && { number_of_parts: parts.filter((part) => statusOf(part) === 'complete').length }),
    ...(error && { error: { code: error.code, name: error.reason, message: error.message } }),
    ...(failure?.kind === 'unreadable' && { erroronion: hex(failure.reason) }),
  };
};
