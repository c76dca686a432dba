/** What payments are told as: `amp_shard`, `amp_set`, `sendpay_success` and `sendpay_failure`. */
import type { PaymentEvent, ReceiverEvent, SetView } from '../../../amp/events.ts';
import { equal, hex } from '../../../wire/bytes.ts';
import { type Point, scidText } from '../../../wire/units.ts';
import type { PaymentRecord } from '../../pay/paymentrecord.ts';
import { partOfPayment, partOfSendpay } from '../../pay/sendpayprogress.ts';
import type { SendpayRecord } from '../../pay/sendpayrecord.ts';
import { partError, rowOf } from '../methods/payments/sendpayrow.ts';
import type { PayloadOf } from './topics.ts';

const statuses = { shard_offered: 'sent', shard_fulfilled: 'claimed', shard_failed: 'failed' } as const;

/** What is told of an event of a payment that has this record; undefined for what is not about a shard. `at` in milliseconds since 1970. */
export const shardNews = (
  event: PaymentEvent,
  record: PaymentRecord | undefined,
  at: number,
): PayloadOf<'amp_shard'> | undefined => {
  if (event.event !== 'shard_offered' && event.event !== 'shard_fulfilled' && event.event !== 'shard_failed')
    return undefined;
  if (record === undefined) return undefined;
  const { route } = event;
  const [first] = route;
  const failed = event.event === 'shard_failed' ? event : undefined;
  // A hop counts nodes from behind this one, and −1 is this one.
  const erring = failed?.hop === undefined ? undefined : failed.hop + 1;
  return {
    payment_hash: hex(record.paymentHash),
    shard_hash: hex(event.paymentHash),
    scheme: record.scheme,
    status: statuses[event.event],
    ...{ shard: event.shard, attempt: event.attempt },
    amount_msat: (route.at(-1) ?? first).amount,
    amount_sent_msat: first.amount,
    route: route.map(({ node, scid }) => ({ id: hex(node), short_channel_id: scidText(scid) })),
    ...(failed && { failure: failed.failure }),
    ...(erring !== undefined && { erring_index: erring }),
    time: at / 1000,
  };
};

const setRow = (set: SetView): Omit<PayloadOf<'amp_set'>, 'status' | 'time'> => ({
  set_id: hex(set.id),
  scheme: set.scheme,
  ...{ shares: set.shares, amount_received_msat: set.total },
  ...(set.expected !== undefined && { expected_shares: set.expected }),
  htlcs: set.htlcs.map(({ paymentHash, amount }) => ({ payment_hash: hex(paymentHash), amount_msat: amount })),
});

/** What is told of an event of the receiving side, whose sets are these; undefined for what is not about a set. */
export const setNews = (
  event: ReceiverEvent,
  sets: () => readonly SetView[],
  labelOf: (invoice: string) => string | undefined,
  at: number,
): PayloadOf<'amp_set'> | undefined => {
  const time = at / 1000;
  const label = (set: SetView) => {
    const found = set.invoice === undefined ? undefined : labelOf(set.invoice);
    return found === undefined ? {} : { label: found };
  };
  switch (event.event) {
    case 'set_updated': {
      const set = sets().find(({ id }) => equal(id, event.id));
      return set && { ...setRow(set), ...label(set), status: 'held', time };
    }
    case 'set_settled':
      return { ...setRow(event.set), ...label(event.set), status: 'claimed', time };
    case 'set_failed':
      return { ...setRow(event.set), ...label(event.set), status: 'failed', why: event.why, time };
    default:
      return undefined;
  }
};

/** What is told of a payment that ended: of `pay` and the like, or an HTLC of `sendpay`. */
export const endOf = (
  us: Point,
  record: PaymentRecord | SendpayRecord,
):
  | { readonly topic: 'sendpay_success'; readonly payload: PayloadOf<'sendpay_success'> }
  | { readonly topic: 'sendpay_failure'; readonly payload: PayloadOf<'sendpay_failure'> } => {
  const part = 'id' in record ? partOfPayment(record) : partOfSendpay(record);
  const { status, ...row } = rowOf(part);
  if (status === 'complete') return { topic: 'sendpay_success', payload: { ...row, status } };
  const { code, message, data } = partError(us, part);
  return {
    topic: 'sendpay_failure',
    payload: {
      code,
      message,
      data: { ...(data as Record<string, unknown>), payment_hash: row.payment_hash, status: 'failed' },
    },
  };
};
