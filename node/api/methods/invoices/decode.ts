/** `decode`: what an invoice says. */

import { z } from 'zod';
import { payerFeatures } from '../../../../wire/features.ts';
import { checkPayable } from '../../../../wire/invoice.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { decodedFields, decodedInvoice } from './decodedinvoice.ts';
import { ampOf, readInvoice } from './invoicetext.ts';

const params = z.strictObject({
  string: param.text.describe('the invoice, alone or in a lightning: or bitcoin: URI; what is none is named'),
});

const result = z.object({
  type: z.literal('bolt11 invoice'),
  valid: field.flag,
  /** Why it is not valid. */
  warning: field.text.optional(),
  ...decodedFields,
  /** What its feature bits ask of the payer, in our words. */
  amp: z.enum(['eob', 'deployed']).optional(),
});

type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'network' | 'now'>;

export const decode = method({
  doc: 'What an invoice says.',
  example: ['BOLT11'],
  params,
  result,
  handler: async (node: Parts, { string }): Promise<Result> => {
    const read = readInvoice('string', string);
    const obstacles = checkPayable(read, {
      network: node.network.name,
      now: node.now(),
      features: payerFeatures(read.features),
    });
    const amp = ampOf(read.features);
    return {
      type: 'bolt11 invoice',
      valid: true,
      ...(obstacles.length > 0 && { warning: obstacles.map(({ code }) => code).join(', ') }),
      ...decodedInvoice(read),
      ...(amp && { amp }),
    };
  },
});
