/** `getroute`: the best route to a node, as Core Lightning's `getroute` answers it and its `sendpay` takes it. */

import { z } from 'zod';
import type { Exclusions, Route } from '../../../../amp/route.ts';
import { equal, hex, unhex } from '../../../../wire/bytes.ts';
import { MAX_EXPIRY_AHEAD, MAX_MONEY, msat, type Point, point, scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import { isFresh, nodeKey } from '../../../graph/graph.ts';
import type { WayOut } from '../../../graph/routecontext.ts';
import { findRoute } from '../../../graph/routing.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { excludeParam, exclusions } from './exclude.ts';

/** Channels in a route at most, as Core Lightning has it. */
export const MOST_HOPS = 20;
const MOST_RISK = 1_000_000;
/** Blocks in a year, of 10 minutes each. */
const BLOCKS_PER_YEAR = 52_596;

const params = z.strictObject({
  id: param.nodeId.describe('the node to reach'),
  amount_msat: param.amountMsat.describe('what is to arrive; 0 asks for a route whatever channels take at least'),
  riskfactor: param
    .decimal(0, MOST_RISK)
    .describe('the price of money that is locked up, in percent of the amount per year'),
  cltv: param
    .integer(0, MAX_EXPIRY_AHEAD)
    .default(9)
    .describe('blocks between now and the expiry of the HTLC that arrives'),
  fromid: param.nodeId.optional().describe('the node where the route begins, else this node'),
  fuzzpercent: param.u32.optional().describe('taken and without effect, as in Core Lightning'),
  exclude: excludeParam.optional().describe('nodes, and channels in one direction, to avoid'),
  maxhops: param.integer(1, MOST_HOPS).default(MOST_HOPS).describe('channels in the route at most'),
});

export const routeHop = z.object({
  /** The node at the end of the hop, and the channel that leads to it. */
  id: field.nodeId,
  channel: field.scid,
  /** 0 from the lesser node id to the greater, else 1. */
  direction: z.number().int().min(0).max(1),
  amount_msat: field.amountMsat,
  /** Blocks between now and the expiry of the HTLC that arrives at the node. */
  delay: field.u32,
  style: z.literal('tlv'),
});

const result = z.object({ route: z.array(routeHop) });

/** The direction of a channel from one node to the other: 0 from the lesser id to the greater. */
export const directionOf = (from: Point, to: Point): 0 | 1 => (hex(from) < hex(to) ? 0 : 1);

/** A route from `source` as Core Lightning writes it. `height` is that from which its expiries count. */
export const routeShown = (source: Point, route: Route, height = 0): z.output<typeof routeHop>[] =>
  route.map(({ node, scid, amount, expiry }, i) => ({
    id: hex(node),
    channel: scidText(scid),
    direction: directionOf(route[i - 1]?.node ?? source, node),
    amount_msat: amount,
    delay: expiry - height,
    style: 'tlv',
  }));

/** What it needs of a node. */
export type Parts = Pick<Node, 'channels' | 'graph' | 'keys' | 'now' | 'paymentChannels'>;

/** The channels by which another node could send, as far as it announced them, with what it asks for that. */
export const waysOutOf = ({ graph, now }: Parts, source: Point): readonly WayOut[] => {
  const key = nodeKey(source);
  return graph.channelsOf(key).flatMap(({ scid, nodes, policies, capacity, unknownFeature }): WayOut[] => {
    const side = nodes[0] === key ? 0 : 1;
    const policy = policies[side];
    if (policy === undefined || policy.disabled || unknownFeature !== undefined || !isFresh(policy, now())) return [];
    const most = capacity * 1000n;
    const spendable = msat(policy.htlcMaximum < most ? policy.htlcMaximum : most);
    const peer = point(unhex(nodes[1 - side] ?? ''));
    return [{ scid, peer, spendable, slots: 483, minimum: policy.htlcMinimum, terms: policy, capacity: msat(most) }];
  });
};

/** The same, as a node reckons that asks no fee of itself. */
const outletsOf = (node: Parts, source: Point): readonly WayOut[] =>
  waysOutOf(node, source).map((one) => ({ ...one, terms: undefined }));

/** Exclusions as a search from `source` has them: its own channels are those without a `from`. */
const seenFrom = (source: Point, us: Point, { nodes, excluded }: Exclusions): Exclusions => ({
  nodes,
  excluded: excluded.map(({ from = us, ...one }) => ({ ...one, from: equal(from, source) ? undefined : from })),
});

/** Billionths of an amount that a block of delay costs at so many percent a year. */
const riskPerBlock = (percentPerYear: number): bigint =>
  BigInt(Math.round((percentPerYear * 1e9) / (100 * BLOCKS_PER_YEAR)));

export const getroute = method({
  doc: 'The best route to a node for an amount, without sending anything: for sendpay.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', '1000000', '1'],
  params,
  result,
  handler: async (node: Parts, params): Promise<z.output<typeof result>> => {
    const { id, amount_msat, riskfactor, cltv, fromid, exclude, maxhops } = params;
    const us = node.keys.nodeId;
    const source = fromid ?? us;
    const isOurs = equal(source, us);
    const avoid = seenFrom(source, us, exclusions(node, exclude ?? [], []));
    const { route } = findRoute(
      {
        ...{ graph: node.graph, now: node.now, source, hints: [], tlvOnly: () => true },
        outlets: isOurs ? node.paymentChannels.outlets() : outletsOf(node, source),
        ...{ riskPerBlock: riskPerBlock(riskfactor), withoutMinimum: amount_msat === 0n },
      },
      {
        ...{ query: 0, shard: 0, destination: id, amount: amount_msat, maxFee: msat(MAX_MONEY) },
        ...{ finalExpiry: cltv, maxExpiry: MAX_EXPIRY_AHEAD, maxHops: maxhops },
        ...{ excludedNodes: avoid.nodes, excluded: avoid.excluded, reserved: [] },
      },
    );
    if (route === undefined)
      throw new ApiError(
        'pay_no_route',
        `no route of at most ${maxhops} channels is known that carries ${amount_msat} msat from ${isOurs ? 'this node' : hex(source)} to ${hex(id)} within ${MAX_EXPIRY_AHEAD} blocks`,
      );
    return { route: routeShown(source, route) };
  },
});
