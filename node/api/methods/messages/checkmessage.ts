/** `checkmessage`: whose key has signed a text. */

import { z } from 'zod';
import { equal, hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { nodeKey } from '../../../graph/graph.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { signerOf } from './signedmessage.ts';

const params = z.strictObject({
  message: param.prose.describe('the text'),
  zbase: param.text.describe('the signature, as signmessage gives it'),
  pubkey: param.nodeId.optional().describe('who must have signed; else any node of which the graph knows'),
});

const result = z.object({ verified: field.flag, pubkey: field.nodeId });

/** What it needs of a node. */
export interface Parts {
  readonly graph: Pick<Node['graph'], 'node' | 'hasChannel'>;
  readonly keys: Pick<Node['keys'], 'nodeId'>;
}

export const checkmessage = method({
  doc: 'Says whether a text was signed by a node, and by which.',
  example: ['a sentence', 'ZBASE'],
  params,
  result,
  handler: async ({ graph, keys }: Parts, { message, zbase, pubkey }) => {
    const signer = signerOf(message, zbase);
    if (typeof signer === 'string') throw new ApiError('invalid_params', `zbase: ${signer}`, { field: 'zbase' });
    // Any 65 bytes are the signature of some key: only that somebody has it makes it one.
    const key = nodeKey(signer);
    const isKnown = equal(signer, keys.nodeId) || graph.node(key) !== undefined || graph.hasChannel(key);
    if (pubkey === undefined && !isKnown)
      throw new ApiError(
        'pubkey_not_found',
        'the signature is of a key that no known node has: give the pubkey of who should have signed',
        { claimed_key: hex(signer) },
      );
    return { verified: pubkey === undefined || equal(pubkey, signer), pubkey: hex(signer) };
  },
});
