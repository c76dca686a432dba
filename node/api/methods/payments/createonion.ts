/** `createonion`: an onion with payloads of the caller's own for every hop, as Core Lightning has it, for `sendonion`. */

import { z } from 'zod';
import { construct } from '../../../../onion/construct.ts';
import { OnionError } from '../../../../onion/errors.ts';
import { sessionKeyFrom } from '../../../../onion/keys.ts';
import { HOPS_LENGTH, type OnionHop } from '../../../../onion/packet.ts';
import { readPayload } from '../../../../onion/rawpayload.ts';
import { hex } from '../../../../wire/bytes.ts';
import { isPoint, isSecretKey } from '../../../../wire/crypto.ts';
import { type SecretKey, secretKey } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';

/** Bytes of the largest onion that any message has room for. */
const MOST_BYTES = 32_768;
/** No hop takes less than a length, two bytes and an HMAC. */
const LEAST_HOP = 35;
const MOST_HOPS = Math.floor(MOST_BYTES / LEAST_HOP);
const MOST_ASSOCDATA = 1_024;

const params = z.strictObject({
  hops: param
    .many(
      z.strictObject(
        {
          pubkey: param.nodeId,
          payload: param.hexBytes(MOST_BYTES),
        },
        { error: 'expected an object with pubkey and payload' },
      ),
      MOST_HOPS,
    )
    .describe('each node of the route and what it is to read: a TLV stream behind its length, or a 65-byte frame'),
  assocdata: param.hexBytes(MOST_ASSOCDATA).describe('what the onion is bound to: the payment hash'),
  session_key: param.secret32.optional().describe('the secret from which all keys are made, else a random one'),
  onion_size: param
    .integer(LEAST_HOP, MOST_BYTES)
    .default(HOPS_LENGTH)
    .describe('bytes of what the hops read; an HTLC has 1300'),
});

const result = z.object({
  onion: field.hexText,
  /** One for each hop; they open a failure that comes back. */
  shared_secrets: z.array(field.hash),
});

type Parts = Pick<Node, 'ports'>;

/** Throws ApiError for what no key can be made of. */
const keyFrom = (given: Uint8Array): SecretKey => {
  if (!isSecretKey(given))
    throw new ApiError('invalid_params', 'session_key: expected a number from 1 to below the order of secp256k1', {
      field: 'session_key',
    });
  return secretKey(given);
};

/** The data of one hop. Throws ApiError for a node that is no point and for a payload that no hop could read. */
const hopFrom = ({ pubkey, payload }: z.output<typeof params>['hops'][number], at: number): OnionHop => {
  const refuse = (name: string, expected: string): ApiError =>
    new ApiError('invalid_params', `hops.${at}.${name}: expected ${expected}`, { field: `hops.${at}.${name}` });
  if (!isPoint(pubkey)) throw refuse('pubkey', 'a point on the curve secp256k1');
  try {
    return { node: pubkey, data: readPayload(payload) };
  } catch (error) {
    if (error instanceof RangeError) throw refuse('payload', error.message);
    throw error;
  }
};

export const createonion = method({
  doc: 'Makes an onion with payloads of your own for each hop, and the secrets that open a failure of it: for sendonion.',
  example: [
    '[{"pubkey":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798","payload":"12020203e80402032006080000670000010000"}]',
    '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
  ],
  params,
  result,
  handler: async (node: Parts, { hops, assocdata, session_key, onion_size }): Promise<z.output<typeof result>> => {
    const sessionKey = session_key === undefined ? sessionKeyFrom(node.ports.entropy.bytes(32)) : keyFrom(session_key);
    try {
      const { packet, sharedSecrets } = construct({
        ...{ sessionKey, associatedData: assocdata, hops: hops.map(hopFrom), hopsLength: onion_size },
      });
      return { onion: hex(packet), shared_secrets: sharedSecrets.map(hex) };
    } catch (error) {
      if (error instanceof OnionError)
        throw new ApiError('invalid_params', `hops: ${error.message}`, { field: 'hops' });
      throw error;
    }
  },
});
