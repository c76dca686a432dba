/** `decodepay`: what an invoice of BOLT 11 says; what Core Lightning had before `decode`, which many programs still call. */

import { z } from 'zod';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { decodedFields, decodedInvoice } from './decodedinvoice.ts';
import { descriptionOf, readInvoice } from './invoicetext.ts';

const params = z.strictObject({
  bolt11: param.text.describe('the invoice'),
  description: param.prose
    .optional()
    .describe('what the hashed description of the invoice stands for: checked against the hash, and shown'),
});

const result = z.object(decodedFields);

export const decodepay = method({
  doc: 'What an invoice says; decode tells the same, and more.',
  example: ['BOLT11'],
  params,
  result,
  handler: async (_, { bolt11, description }): Promise<z.output<typeof result>> => {
    const invoice = readInvoice('bolt11', bolt11);
    const described = descriptionOf(invoice, description);
    return { ...decodedInvoice(invoice), ...(described !== undefined && { description: described }) };
  },
});
