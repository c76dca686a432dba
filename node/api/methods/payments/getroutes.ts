/** `getroutes`: routes that carry an amount together and how likely they do, as Core Lightning's `getroutes` answers. */

import { z } from 'zod';
import type { Route } from '../../../../amp/route.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, msat, scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { findFlow } from '../../../graph/flowroutes.ts';
import type { RouteContext, WayOut } from '../../../graph/routecontext.ts';
import { probabilitiesOf } from '../../../graph/routeprobability.ts';
import { findRoute, forwardingFee } from '../../../graph/routing.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { directionOf, MOST_HOPS, type Parts as RouteParts, waysOutOf } from './getroute.ts';
import { preferParam } from './strategyterms.ts';

const LOCAL = 'auto.localchans';
const FREE = 'auto.sourcefree';
const SINGLE = 'auto.no_mpp_support';
/** What payments learnt, which Core Lightning keeps in a layer of this name. */
const LEARNT = 'xpay';

/** Several routes carry a hundredth of the amount each, at least. */
const LEAST_PART = 100n;

const params = z.strictObject({
  source: param.nodeId.describe('the node where the routes begin'),
  destination: param.nodeId.describe('the node where they end'),
  amount_msat: param.amountMsat.describe('what is to arrive'),
  layers: param
    .many(param.word(LOCAL, FREE, LEARNT, SINGLE), 4)
    .describe(
      `what to know beside the announced network: ${LOCAL}, our own channels with what they can send; ${FREE}, the source asks no fee of itself; ${LEARNT}, what payments taught; ${SINGLE}, one route`,
    ),
  maxfee_msat: param.amountMsat.describe('the most that all fees may come to'),
  final_cltv: param.integer(0, MAX_EXPIRY_AHEAD).describe('blocks between now and the expiry of the HTLCs that arrive'),
  maxdelay: param.integer(0, MAX_EXPIRY_AHEAD).default(MAX_EXPIRY_AHEAD).describe('blocks of delay at most'),
  maxparts: param.integer(1, 100).default(16).describe('routes at most'),
  prefer: preferParam,
});

const hop = z.object({
  short_channel_id_dir: field.text,
  node_id_in: field.nodeId,
  node_id_out: field.nodeId,
  amount_in_msat: field.amountMsat,
  amount_out_msat: field.amountMsat,
  /** Blocks between now and the expiry at either end of the hop. */
  cltv_in: field.u32,
  cltv_out: field.u32,
  /** The same as node_id_out, amount_in_msat and cltv_in, as versions before 26.06 call them. */
  next_node_id: field.nodeId,
  amount_msat: field.amountMsat,
  delay: field.u32,
});

const result = z.object({
  /** That all of them carry what they are to carry, in millionths. */
  probability_ppm: field.u64,
  routes: z.array(
    z.object({
      /** That it does, once those before it do. */
      probability_ppm: field.u64,
      amount_msat: field.amountMsat,
      final_cltv: field.u32,
      path: z.array(hop),
    }),
  ),
});

type Params = z.output<typeof params>;

/** What it needs of a node. */
export type Parts = RouteParts & {
  readonly knowledge: Pick<Node['knowledge'], 'scids' | 'bounds'>;
  readonly flowTurns: Pick<Node['flowTurns'], 'forCaller' | 'isCrowded'>;
};

const contextOf = (node: Parts, { source, layers, prefer }: Params): RouteContext => {
  const { graph, now, knowledge, keys, paymentChannels } = node;
  const isFree = layers.includes(FREE);
  const announced = waysOutOf(node, source);
  const termsOf = ({ scid }: WayOut) => (isFree ? undefined : announced.find((one) => one.scid === scid)?.terms);
  const ours = equal(source, keys.nodeId) && layers.includes(LOCAL) ? paymentChannels.outlets() : undefined;
  return {
    ...{ graph, now, source, prefer, hints: [], tlvOnly: () => true },
    outlets: (ours ?? announced).map((one) => ({ ...one, terms: termsOf(one) })),
    ...(layers.includes(LEARNT) && {
      learnt: { scids: () => knowledge.scids, of: (scid, from, capacity) => knowledge.bounds(scid, from, capacity) },
    }),
  };
};

const found = (context: RouteContext, params: Params): readonly Route[] => {
  const { destination, amount_msat: amount, maxfee_msat: maxFee, final_cltv, maxdelay, maxparts, layers } = params;
  const query = {
    ...{ query: 0, shard: 0, destination, amount, maxFee, finalExpiry: final_cltv, maxExpiry: maxdelay },
    ...{ maxHops: MOST_HOPS, excludedNodes: [], excluded: [], reserved: [] },
  };
  const most = layers.includes(SINGLE) ? 1 : maxparts;
  const least = msat(amount > LEAST_PART ? amount / LEAST_PART : 1n);
  const flow = most > 1 ? findFlow(context, { ...query, flow: { most, least } }) : undefined;
  if (flow !== undefined) return flow;
  const { route } = findRoute(context, query, () => 1n);
  return route === undefined ? [] : [route];
};

const millionths = (probability: number): number => Math.round(probability * 1e6);

const pathOf = ({ source, outlets }: RouteContext, route: Route): z.output<typeof hop>[] =>
  route.map(({ node, scid, amount, expiry }, n) => {
    const before = route[n - 1];
    const from = before?.node ?? source;
    // What the source asks of itself, if it does, comes before the first channel.
    const terms = before === undefined ? outlets.find((one) => one.scid === scid)?.terms : undefined;
    const entering = before?.amount ?? msat(amount + (terms === undefined ? 0n : forwardingFee(terms, amount)));
    const cltv = before?.expiry ?? expiry + (terms?.cltvExpiryDelta ?? 0);
    return {
      short_channel_id_dir: `${scidText(scid)}/${directionOf(from, node)}`,
      ...{ node_id_in: hex(from), node_id_out: hex(node), amount_in_msat: entering, amount_out_msat: amount },
      ...{ cltv_in: cltv, cltv_out: expiry, next_node_id: hex(node), amount_msat: entering, delay: cltv },
    };
  });

export const getroutes = method({
  doc: 'Routes that carry an amount together, and how likely they do, without sending anything.',
  example: [
    '02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5',
    '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
    '1000000',
    '["auto.localchans","auto.sourcefree"]',
    '5000',
    '18',
  ],
  params,
  result,
  handler: async (node: Parts, params, { signal }): Promise<z.output<typeof result>> => {
    const { source, destination, amount_msat, maxfee_msat, maxdelay, final_cltv } = params;
    if (amount_msat === 0n) throw new ApiError('invalid_params', 'amount_msat: expected more than nothing');
    if (equal(source, destination)) throw new ApiError('invalid_params', 'destination: that is the source');
    if (node.flowTurns.isCrowded)
      throw new ApiError('busy', 'too many calls of getroutes wait for their turn already: wait for some to end');
    const answer = await node.flowTurns.forCaller(signal, () => {
      const context = contextOf(node, params);
      return { context, routes: found(context, params) };
    });
    if (answer === undefined) throw new ApiError('busy', 'the caller went before it was its turn');
    const { context, routes } = answer;
    if (routes.length === 0)
      throw new ApiError(
        'pay_no_route',
        `no routes are known that carry ${amount_msat} msat from ${hex(source)} to ${hex(destination)} for ${maxfee_msat} msat within ${maxdelay} blocks`,
      );
    const each = probabilitiesOf(context, routes);
    return {
      probability_ppm: millionths(each.reduce((product, one) => product * one, 1)),
      routes: routes.map((route, n) => ({
        probability_ppm: millionths(each[n] ?? 0),
        amount_msat: (route.at(-1) ?? route[0]).amount,
        final_cltv,
        path: pathOf(context, route),
      })),
    };
  },
});
