/** `sendonion`: sends one HTLC with an onion of the caller's, as Core Lightning has it; `createonion` makes one. */

import { z } from 'zod';
import { HOPS_LENGTH, PACKET_LENGTH } from '../../../../onion/packet.ts';
import { isPacket } from '../../../../onion/rawpayload.ts';
import { isPoint } from '../../../../wire/crypto.ts';
import { msat } from '../../../../wire/units.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { firstHopParam } from './sendpayhops.ts';
import { sentRow } from './sendpayrow.ts';
import { type SendingParts, sent } from './sendpaysent.ts';

/** No hop of an onion takes less than 35 bytes. */
const MOST_SECRETS = Math.floor(HOPS_LENGTH / 35);

/** An amount that the caller does not say. */
const UNKNOWN = msat(0n);

const params = z.strictObject({
  onion: param.hexBytes(PACKET_LENGTH).describe('the onion, 1366 bytes'),
  first_hop: firstHopParam.describe('the first hop, as getroute answers it; channel may be left out'),
  payment_hash: param.hash32.describe('the hash that the onion is bound to'),
  label: param.label.optional().describe('our name for the payment'),
  shared_secrets: param
    .many(param.secret32, MOST_SECRETS)
    .optional()
    .describe('one of each hop, as createonion answers: to read a failure that comes back'),
  partid: param.index.default(0).describe('the number of a part of a payment in several parts, else 0'),
  bolt11: param.text.optional().describe('the invoice that is paid, to be shown with the payment'),
  amount_msat: param.amountMsat.optional().describe('what arrives, to be shown with the payment'),
  destination: param.nodeId.optional().describe('where it arrives, to be shown with the payment'),
  localinvreqid: param.refused.describe('payments of offers'),
  groupid: param.index.optional().describe('parts of one group are one payment; else one more than the last'),
  description: param.prose.optional().describe('what the hashed description of the invoice stands for'),
  total_amount_msat: param.amountMsat.optional().describe('what all parts come to'),
});

const refuse = (field: string, what: string): ApiError =>
  new ApiError('invalid_params', `${field}: ${what}`, { field });

export const sendonion = method({
  doc: 'Sends one HTLC with an onion that you made; waitsendpay says what came of it.',
  example: [
    'onion=00',
    'first_hop={"id":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798","amount_msat":1000,"delay":9}',
    'payment_hash=66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
  ],
  params,
  result: sentRow,
  handler: async (node: SendingParts, params): Promise<z.output<typeof sentRow>> => {
    const { onion, first_hop, payment_hash, shared_secrets, partid, groupid, amount_msat, total_amount_msat } = params;
    const { label, bolt11, description, destination } = params;
    if (!isPacket(onion) || !isPoint(onion.slice(1, 34)))
      throw refuse(
        'onion',
        `expected ${PACKET_LENGTH} bytes: version 0, a point on the curve, what the hops read, an HMAC`,
      );
    return sent(node, {
      ...{ paymentHash: payment_hash, partid: BigInt(partid), label, bolt11, description, destination, onion },
      groupid: groupid === undefined ? undefined : BigInt(groupid),
      ...{
        amount: amount_msat ?? UNKNOWN,
        total: total_amount_msat ?? UNKNOWN,
        route: [],
        sharedSecrets: shared_secrets ?? [],
      },
      first: {
        ...{ node: first_hop.node, scid: first_hop.channel, amount: first_hop.amount },
        expiry: node.follower.height + 1 + first_hop.delay,
      },
    });
  },
});
