/** The sets that paid an invoice which may be paid again, and those on their way in. */

import { z } from 'zod';
import { equal, hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import type { InvoiceRecord } from '../../../pay/invoicerecord.ts';
import * as field from '../../results.ts';

/** Payments of one invoice that are listed with it; all of them are in the order of pay_index. */
const MOST_LISTED = 1000;

export const invoiceSet = z.object({
  set_id: field.hash,
  /** `accepted`: HTLCs are held and more are to come. `settled`: paid. `canceled`: failed, and still on its way back. */
  state: z.enum(['accepted', 'settled', 'canceled']),
  amount_received_msat: field.amountMsat,
  parts: field.u32,
  pay_index: field.u64.optional(),
  paid_at: field.u64.optional(),
  first_seen_at: field.u64.optional(),
});

type Row = z.output<typeof invoiceSet>;

/** Settled sets in the order of their payment, then those that are held or being failed. Throws StoreError. */
export const setsOf = async (
  { invoices, receiver }: Pick<Node, 'invoices' | 'receiver'>,
  record: InvoiceRecord,
): Promise<Row[]> => {
  const paid = await invoices.payments(record, MOST_LISTED);
  const id = hex(record.paymentHash);
  const open = receiver.sets().filter(({ invoice, phase }) => invoice === id && phase !== 'settled');
  return [
    ...paid.map(
      ({ set, received, preimages, payIndex, at }): Row => ({
        ...{ set_id: hex(set), state: 'settled', amount_received_msat: received, parts: preimages.length },
        ...{ pay_index: Number(payIndex), paid_at: at },
      }),
    ),
    ...open
      .filter((view) => !paid.some(({ set }) => equal(set, view.id)))
      .map(
        ({ id: set, phase, total, htlcs, firstSeen }): Row => ({
          ...{ set_id: hex(set), state: phase === 'failed' ? 'canceled' : 'accepted', amount_received_msat: total },
          ...{ parts: htlcs.length, first_seen_at: firstSeen },
        }),
      ),
  ];
};
