/** `disconnect`: ends a connection. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';

const params = z.strictObject({
  id: param.nodeId.describe('the peer'),
  force: param.flag.default(false).describe('even if there is a channel with it'),
});

const result = z.object({});

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'peers'>;

export const disconnect = method({
  doc: 'Ends the connection to a peer.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', 'force=true'],
  params,
  result,
  handler: async (node: Parts, { id, force }) => {
    const peer = node.peers.get(id);
    if (peer === undefined) throw new ApiError('general', `not connected to ${hex(id)}`);
    const channels = node.channels.channelsWith(id).length;
    if (channels > 0 && !force)
      throw new ApiError('general', `there are ${channels} channels with this peer: add force=true to disconnect`);
    peer.close('asked for by the operator');
    return {};
  },
});
