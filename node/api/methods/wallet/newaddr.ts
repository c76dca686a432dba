/** `newaddr`: an address of the node's own wallet. */

import { z } from 'zod';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

const params = z.strictObject({
  addresstype: param.word('bech32').default('bech32').describe('the kind of address: P2WPKH'),
});

const result = z.object({ bech32: field.text.optional(), p2tr: field.text.optional() });

/** What it needs of a node. */
type Parts = Pick<Node, 'wallet'>;

export const newaddr = method({
  doc: "A fresh address of the node's own wallet.",
  example: ['bech32'],
  params,
  result,
  handler: async (node: Parts) => ({ bech32: (await node.wallet.newAddress()).address }),
});
