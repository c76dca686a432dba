/** `createrune`: a rune that opens some methods to its holder, or one with more restrictions. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { restrictionsOf } from '../../../runes/rune.ts';
import { method } from '../../method.ts';
import * as field from '../../results.ts';
import { restrictions, runeParam } from './restrictions.ts';

const params = z.strictObject({
  rune: runeParam.optional().describe('a rune of this node to restrict further; a new one where it is left out'),
  restrictions: restrictions.optional().describe('what it may do: "readonly", or [["method=pay"], ["rate=10"]]'),
});

const result = z.object({
  rune: field.text,
  unique_id: field.text,
  warning_unrestricted_rune: field.text.optional(),
});

/** What it needs of a node. */
type Parts = Pick<Node, 'runes'>;

export const createrune = method({
  doc: 'A rune: a token for programs, which opens those calls by CLNRest and commando that its restrictions allow.',
  example: ['restrictions=[["method=invoice","method=listinvoices"],["rate=60"]]'],
  params,
  result,
  handler: async ({ runes }: Parts, { rune, restrictions = [] }) => {
    const issued = rune === undefined ? await runes.create(restrictions) : runes.restrict(rune, restrictions);
    return {
      rune: issued.text,
      unique_id: issued.id,
      ...(restrictionsOf(issued.rune).length === 0 && {
        warning_unrestricted_rune:
          'This rune has no restrictions: who holds it can spend all that the node has. Restrict it, as in restrictions=readonly.',
      }),
    };
  },
});
