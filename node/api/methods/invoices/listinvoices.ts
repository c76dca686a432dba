/** `listinvoices`: invoices made here and what became of them. */

import { z } from 'zod';
import { equal, hex, zeros } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { type InvoiceRecord, isReusable } from '../../../pay/invoicerecord.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { invoiceFields, invoiceRow } from './invoicerow.ts';
import { invoiceSet, setsOf } from './invoicesets.ts';
import { readInvoice } from './invoicetext.ts';

const params = z.strictObject({
  label: param.label.optional().describe('only the one of this label'),
  invstring: param.text.optional().describe('only this invoice'),
  payment_hash: param.hash32.optional().describe('only the one of this hash'),
  offer_id: param.refused.describe('invoices of an offer'),
  index: param.word('created', 'updated').optional().describe('the order'),
  start: param.index.optional().describe('first index to show'),
  limit: param.u32.optional().describe('how many to show'),
});

const result = z.object({
  invoices: z.array(
    z.object({
      ...invoiceFields,
      status: z.enum(['unpaid', 'paid', 'expired']),
      /** Of an invoice that may be paid again: its latest payments, and sets on their way in. */
      sets: z.array(invoiceSet).optional(),
    }),
  ),
});

type Listed = z.output<typeof result>['invoices'][number];

type Params = z.output<typeof params>;

/** What it needs of a node. */
type Parts = Pick<Node, 'invoices' | 'receiver'>;

/** The records that may be asked for, in the order asked for. */
async function* asked(
  { invoices }: Parts,
  { label, index }: Params,
  hash: Uint8Array | undefined,
  first: bigint,
): AsyncGenerator<InvoiceRecord> {
  if (label !== undefined || hash !== undefined) {
    const record = label === undefined ? await invoices.byId(hex(hash ?? zeros(0))) : await invoices.byLabel(label);
    if (record !== undefined) yield record;
  } else if (index !== 'updated') yield* invoices.list(first);
  else {
    // What was not paid was never updated, and stands before all that was.
    if (first === 0n) for await (const record of invoices.list()) if (record.paid === undefined) yield record;
    yield* invoices.listPaid(first);
  }
}

async function* rowsAsked(node: Parts, params: Params, hash: Uint8Array | undefined): AsyncGenerator<Listed> {
  const { start = 0, limit = Number.POSITIVE_INFINITY, index } = params;
  let left = limit;
  if (left === 0) return;
  for await (const record of asked(node, params, hash, BigInt(start))) {
    if (hash !== undefined && !equal(record.paymentHash, hash)) continue;
    const row = invoiceRow(node, record);
    if ((index === 'updated' ? (row.updated_index ?? 0) : row.created_index) < start) continue;
    yield isReusable(record) && row.set_id === undefined ? { ...row, sets: await setsOf(node, record) } : row;
    if (--left === 0) return;
  }
}

export const listinvoices = method({
  doc: 'Invoices made here and what became of them.',
  example: ['label=coffee'],
  params,
  result,
  handler: async (node: Parts, params) => {
    const { invstring, payment_hash } = params;
    const named = invstring === undefined ? undefined : readInvoice('invstring', invstring).paymentHash;
    if (named !== undefined && payment_hash !== undefined && !equal(named, payment_hash)) return { invoices: [] };
    return { invoices: rowsAsked(node, params, named ?? payment_hash) };
  },
});
