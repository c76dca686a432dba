/** `signmessage`: a text signed with the node's key. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { signMessage } from './signedmessage.ts';

const params = z.strictObject({ message: param.prose.describe('the text to sign') });

const result = z.object({
  /** 64 bytes. */
  signature: field.hexText,
  /** One byte, 00 to 03. */
  recid: field.hexText,
  /** Both, as checkmessage and other implementations take them. */
  zbase: field.text,
});

/** What it needs of a node. */
type Parts = Pick<Node, 'keys'>;

export const signmessage = method({
  doc: 'Signs a text with the key of this node, for checkmessage here, or in lnd, Core Lightning, LDK and eclair.',
  example: ['a sentence'],
  params,
  result,
  handler: async ({ keys }: Parts, { message }) => {
    const { signature, recovery, zbase } = signMessage(message, keys.identity);
    return { signature: hex(signature), recid: hex(Uint8Array.of(recovery)), zbase };
  },
});
