/** `sendcustommsg`: a message of a type that this node does not know, to a peer. */

import { z } from 'zod';
import { hex } from '../../../../wire/bytes.ts';
import { messages } from '../../../../wire/message.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

/** Bytes of the longest message (BOLT 8). */
const MOST = 0xffff;

const params = z.strictObject({
  node_id: param.nodeId.describe('the peer'),
  msg: param.hexBytes(MOST).describe('type (2 bytes) and payload, in hex'),
});

const result = z.object({ status: field.text });

const knownTypes: ReadonlyMap<number, string> = new Map(
  Object.entries(messages).map(([name, { type }]) => [type, name] as const),
);

/** Throws ApiError for what is no message, one that this node knows, or one that a peer that does not know it ends the connection for. */
const checkMessage = (msg: Uint8Array): void => {
  const refuse = (why: string): ApiError => new ApiError('invalid_params', `msg: ${why}`, { field: 'msg' });
  const [high, low] = msg;
  if (high === undefined || low === undefined) throw refuse('expected 2 bytes of a type at least');
  const type = high * 256 + low;
  const name = knownTypes.get(type);
  if (name !== undefined) throw refuse(`type ${type} is ${name}, which only the node itself sends`);
  if (type % 2 === 0)
    throw refuse(
      `type ${type} is even: a peer that does not know it would end the connection (BOLT 1); use an odd one`,
    );
};

/** What it needs of a node. */
type Parts = Pick<Node, 'peers'>;

export const sendcustommsg = method({
  doc: 'Sends a peer a message of an odd type that this node does not know.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', '8001c0ffee'],
  params,
  result,
  handler: async ({ peers }: Parts, { node_id, msg }) => {
    checkMessage(msg);
    const peer = peers.get(node_id);
    if (peer === undefined) throw new ApiError('general', `not connected to ${hex(node_id)}`);
    peer.sendRaw(msg);
    return { status: 'Message sent to the peer' };
  },
});
