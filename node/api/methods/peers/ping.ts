/** `ping`: a ping to a peer, and its answer (BOLT 1). */

import { z } from 'zod';
import { hex, zeros } from '../../../../wire/bytes.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { within } from '../invoices/waiting.ts';

/** Bytes of the longest message, less its type and the two lengths (BOLT 1). */
const MOST_PADDING = 65_529;
/** BOLT 1: from here on no answer is wanted. */
const NO_PONG = 65_532;
/** Type and length in front of a pong's bytes. */
const PONG_HEADER = 4;
/** Milliseconds that the peer has to answer. */
const PATIENCE_MS = 30_000;

const params = z.strictObject({
  id: param.nodeId.describe('the peer'),
  len: param.integer(0, MOST_PADDING).default(128).describe('how many bytes the ping carries'),
  pongbytes: param
    .integer(0, 0xffff)
    .default(128)
    .describe(`how many bytes the answer is to carry; ${NO_PONG} and more ask for none`),
});

const result = z.object({
  /** Bytes of the answer, its type and length included; 0 where none was asked for. */
  totlen: field.u32,
});

/** What it needs of a node. */
type Parts = Pick<Node, 'peers' | 'ports'>;

export const ping = method({
  doc: 'Pings a peer and waits for its answer.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', 'len=128'],
  params,
  result,
  handler: async (node: Parts, { id, len, pongbytes }, { signal }) => {
    const peer = node.peers.get(id);
    if (peer === undefined) throw new ApiError('general', `not connected to ${hex(id)}`);
    const { pongs } = peer;
    if (pongs.isWaiting)
      throw new ApiError('invalid_params', 'id: another ping of this peer waits for its answer', { field: 'id' });
    const message = { name: 'ping', num_pong_bytes: pongbytes, ignored: zeros(len) } as const;
    if (pongbytes >= NO_PONG) {
      peer.send(message);
      return { totlen: 0 };
    }
    const came = await within(node, PATIENCE_MS, signal, (until) => {
      const answer = pongs.next(pongbytes, until);
      peer.send(message);
      return answer;
    });
    if (came) return { totlen: pongbytes + PONG_HEADER };
    throw new ApiError(
      'general',
      peer.closed
        ? 'the connection ended before the peer answered'
        : `no answer within ${PATIENCE_MS / 1000} seconds; the connection stays`,
    );
  },
});
