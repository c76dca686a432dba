/** `sendpay`: sends one HTLC over a route of the caller's, as Core Lightning has it. Its result is `waitsendpay`'s to tell. */

import { z } from 'zod';
import { construct } from '../../../../onion/construct.ts';
import { OnionError } from '../../../../onion/errors.ts';
import { sessionKeyFrom } from '../../../../onion/keys.ts';
import type { BuiltOnion, OnionHop } from '../../../../onion/packet.ts';
import { writeFinal, writeForward } from '../../../../onion/payload.ts';
import type { Msat } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import { MOST_HOPS } from './getroute.ts';
import { checkFalling, type GivenHop, routeParam } from './sendpayhops.ts';
import { sentRow } from './sendpayrow.ts';
import { type SendingParts, sent } from './sendpaysent.ts';

/** Bytes of metadata: more does not fit an onion beside the least that must be in it. */
const MOST_METADATA = 1_200;

const params = z.strictObject({
  route: routeParam(MOST_HOPS).describe('each hop, as getroute answers: id, channel, amount_msat and delay'),
  payment_hash: param.hash32.describe('the hash of the preimage that the destination knows'),
  label: param.label.optional().describe('our name for the payment'),
  amount_msat: param.amountMsat.optional().describe('what all parts come to; required with partid'),
  bolt11: param.text.optional().describe('the invoice that is paid, to be shown with the payment'),
  payment_secret: param.secret32.optional().describe('what the invoice says; required with partid'),
  partid: param.index.default(0).describe('the number of a part of a payment in several parts, else 0'),
  localinvreqid: param.refused.describe('payments of offers'),
  groupid: param.index.optional().describe('parts of one group are one payment; else one more than the last'),
  payment_metadata: param.hexBytes(MOST_METADATA).optional().describe('what the invoice says'),
  description: param.prose.optional().describe('what the hashed description of the invoice stands for'),
});

const refuse = (field: string, what: string): ApiError =>
  new ApiError('invalid_params', `${field}: ${what}`, { field });

/** What all parts come to. Throws ApiError where that and the last amount of the route do not fit together. */
const totalOf = (
  { amount_msat, partid, payment_secret }: Pick<z.output<typeof params>, 'amount_msat' | 'partid' | 'payment_secret'>,
  last: Msat,
): Msat => {
  if (partid === 0) {
    if (amount_msat !== undefined && amount_msat !== last)
      throw refuse('amount_msat', `without partid it is what the last hop of the route gets, ${last}; leave it out`);
    return last;
  }
  if (amount_msat === undefined) throw refuse('amount_msat', 'is required with partid');
  if (payment_secret === undefined) throw refuse('payment_secret', 'is required with partid');
  if (last > amount_msat) throw refuse('amount_msat', `expected at least ${last}, what the last hop of the route gets`);
  return amount_msat;
};

/** What each hop reads (BOLT 4, "payload format"): expiries count from `base`. */
const hopsOf = (
  route: readonly GivenHop[],
  base: number,
  total: Msat,
  secret: Uint8Array | undefined,
  paymentMetadata: Uint8Array | undefined,
): readonly OnionHop[] =>
  route.map(({ node, amount, delay }, i) => {
    const next = route[i + 1];
    if (next?.channel === undefined) {
      const paymentData = secret && { paymentSecret: secret, totalMsat: total };
      const what = { amtToForward: amount, outgoingCltvValue: base + delay, paymentData, paymentMetadata };
      return { node, data: { kind: 'tlv', stream: writeFinal(what) } };
    }
    const what = { amtToForward: next.amount, outgoingCltvValue: base + next.delay, shortChannelId: next.channel };
    return { node, data: { kind: 'tlv', stream: writeForward(what) } };
  });

const built = (node: Pick<Node, 'ports'>, associatedData: Uint8Array, hops: readonly OnionHop[]): BuiltOnion => {
  try {
    return construct({ sessionKey: sessionKeyFrom(node.ports.entropy.bytes(32)), associatedData, hops });
  } catch (error) {
    if (error instanceof OnionError) throw refuse('route', error.message);
    throw error;
  }
};

export const sendpay = method({
  doc: 'Sends one HTLC over a route that you give; waitsendpay says what came of it.',
  example: [
    '[{"id":"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798","channel":"103x1x0","delay":9,"amount_msat":1000}]',
    '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
    'payment_secret=66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925',
  ],
  params,
  result: sentRow,
  handler: async (node: SendingParts, params): Promise<z.output<typeof sentRow>> => {
    const { route, payment_hash, payment_secret, payment_metadata, partid, groupid, label, bolt11, description } =
      params;
    const [first] = route;
    const last = route.at(-1);
    if (first === undefined || last === undefined)
      throw refuse('route', 'expected at least one hop; a payment that does not leave this node is not supported');
    checkFalling(route);
    const total = totalOf(params, last.amount);
    // One block more than the route says, since one may be mined while the HTLC is on its way.
    const base = node.follower.height + 1;
    const { packet, sharedSecrets } = built(
      node,
      payment_hash,
      hopsOf(route, base, total, payment_secret, payment_metadata),
    );
    return sent(node, {
      ...{ paymentHash: payment_hash, partid: BigInt(partid), label, bolt11, description, sharedSecrets },
      groupid: groupid === undefined ? undefined : BigInt(groupid),
      ...{ amount: last.amount, total, destination: last.node, onion: packet },
      route: route.flatMap(({ node: id, channel }) => (channel === undefined ? [] : [{ node: id, scid: channel }])),
      first: { node: first.node, scid: first.channel, amount: first.amount, expiry: base + first.delay },
    });
  },
});
