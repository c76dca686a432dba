/**
 * `probe`: finds out what a route carries without paying anything: an HTLC with a hash that nobody can open either reaches the
 * destination, which then fails it, or is failed on its way. Core Lightning has it as a plugin; results are ours.
 */

import { z } from 'zod';
import { DEPLOYED } from '../../../../amp/deployed.ts';
import { SPONTANEOUS_FINAL_CLTV } from '../../../../amp/limits.ts';
import type { Route } from '../../../../amp/route.ts';
import type { Scheme } from '../../../../amp/scheme.ts';
import { defaultScheme, schemeNames } from '../../../../amp/schemes.ts';
import { OnionError } from '../../../../onion/errors.ts';
import { equal, hex } from '../../../../wire/bytes.ts';
import { type Msat, msat, scidText } from '../../../../wire/units.ts';
import type { Node } from '../../../core/running.ts';
import type { Probed, ProbeQuery } from '../../../pay/probes.ts';
import { type ProbeFound, searchMost } from '../../../pay/probesearch.ts';
import { erringOf, failcodeName } from '../../../pay/sendpayfailure.ts';
import { ApiError } from '../../errors.ts';
import { method } from '../../method.ts';
import * as param from '../../params.ts';
import * as field from '../../results.ts';
import { excludeParam, exclusions } from './exclude.ts';
import { MOST_HOPS, routeHop, routeShown } from './getroute.ts';
import { checkFalling, type GivenHop, routeParam } from './sendpayhops.ts';
import { preferParam } from './strategyterms.ts';
import { refuseWithoutChain, SLACK } from './terms.ts';

/** Probes under way at the same time, over all callers: their HTLCs take slots of channels from payments. */
const MOST_AT_ONCE = 32;
const MOST_SHARDS = 16;

const params = z.strictObject({
  id: param.nodeId.describe('the node to reach'),
  amount_msat: param.amountMsat.describe('what is to arrive; with max the most that is looked for'),
  max: param.flag.default(false).describe('look for the most that arrives in one HTLC, over one route after the other'),
  route: routeParam(MOST_HOPS)
    .optional()
    .describe('the route, as getroute answers it; with max its channels alone count, else the best route'),
  attempts: param.integer(1, 50).default(20).describe('with max: how many HTLCs to send at most'),
  timeout: param.seconds(1, 600).default(60).describe('how long to wait for all of them'),
  exclude: excludeParam.optional().describe('nodes, and channels in one direction, to avoid'),
  shards: param
    .integer(2, MOST_SHARDS)
    .optional()
    .describe('probe with so many HTLCs at once: an atomic multi-path payment whose last share is spoiled'),
  scheme: param.text
    .optional()
    .describe(
      `with shards: how shares are made: ${schemeNames.join(', ')}, or ${DEPLOYED} (lnd's); else ${defaultScheme}`,
    ),
  prefer: preferParam,
});

const attempt = z.object({
  /** `carried`: it reached the destination. `no_answer`: not within the time; it may be under way still. */
  status: z.enum(['carried', 'failed', 'no_answer']),
  amount_msat: field.amountMsat,
  amount_sent_msat: field.amountMsat,
  route: z.array(routeHop),
  /** Where it failed, as `waitsendpay` tells it. */
  erring_index: field.u32.optional(),
  erring_node: field.nodeId.optional(),
  erring_channel: field.scid.optional(),
  erring_direction: z.number().int().min(0).max(1).optional(),
  failcode: field.u32.optional(),
  failcodename: field.text.optional(),
});

const result = z.object({
  /** Whether `amount_msat` reaches the destination. */
  carried: field.flag,
  /** The most that was carried; 0 if nothing was. */
  carried_msat: field.amountMsat,
  /** The least that was not. */
  failed_msat: field.amountMsat.optional(),
  attempts: z.array(attempt),
  /** Why the answer is not the last word. */
  warning: field.text.optional(),
});

type Params = z.output<typeof params>;
type Attempt = z.output<typeof attempt>;
type Result = z.output<typeof result>;

/** What it needs of a node. */
type Parts = Pick<Node, 'channels' | 'follower' | 'graph' | 'keys' | 'outage' | 'payments' | 'ports' | 'probes'>;

const attemptShown = ({ keys, follower }: Parts, { route, end }: Probed): Attempt => {
  const last = route.at(-1) ?? route[0];
  const shown = {
    ...{ status: end.kind, amount_msat: last.amount, amount_sent_msat: route[0].amount },
    route: routeShown(keys.nodeId, route, follower.height + 1).map((hop) => ({
      ...hop,
      delay: Math.max(0, hop.delay),
    })),
  };
  if (end.kind !== 'failed' || end.failure.kind === 'unreadable') return shown;
  const { index, code } = end.failure;
  const { node, channel, direction } = erringOf(keys.nodeId, { route }, end.failure);
  const name = failcodeName(code);
  return {
    ...shown,
    ...{ erring_index: index, failcode: code },
    ...(name !== undefined && { failcodename: name }),
    ...(node && { erring_node: hex(node) }),
    ...(channel !== undefined && { erring_channel: scidText(channel) }),
    ...(direction !== undefined && { erring_direction: direction }),
  };
};

const warnings: Readonly<Record<NonNullable<ProbeFound['stopped']>, string>> = {
  attempts: 'the search ended with its last attempt: give more attempts for a closer answer',
  time: 'the search ended because the time was over: a probe that had no answer may be under way still',
  unreadable: 'the search ended at a failure that nobody can be named for',
};

const ZERO = msat(0n);

const answerOf = (node: Parts, wanted: Msat, { attempts, carried, failed, stopped }: ProbeFound): Result => ({
  carried: carried >= wanted,
  carried_msat: carried,
  ...(failed !== undefined && { failed_msat: failed }),
  attempts: attempts.map((one) => attemptShown(node, one)),
  ...(stopped !== undefined && { warning: warnings[stopped] }),
});

/** What one attempt, or one set, says. */
const answerOfOne = (node: Parts, wanted: Msat, attempts: readonly Probed[]): Result => {
  const kinds = new Set(attempts.map(({ end }) => end.kind));
  const carried = kinds.size === 1 && kinds.has('carried');
  const stopped = kinds.has('no_answer') && !kinds.has('failed') ? 'time' : undefined;
  const found: ProbeFound = {
    attempts,
    carried: carried ? wanted : ZERO,
    failed: kinds.has('failed') ? wanted : undefined,
    stopped,
  };
  return answerOf(node, wanted, found);
};

const givenRoute = ({ follower }: Parts, { id, route, amount_msat, max }: Params): Route | undefined => {
  if (route === undefined) return undefined;
  const refuse = (name: string, what: string): ApiError =>
    new ApiError('invalid_params', `${name}: ${what}`, { field: name });
  const last = route.at(-1);
  if (last === undefined || !equal(last.node, id)) throw refuse('route', 'expected a route whose last hop is id');
  checkFalling(route);
  if (!max && last.amount !== amount_msat)
    throw refuse('amount_msat', `expected what the last hop of the route gets, ${last.amount}`);
  const hop = ({ node, channel, amount, delay }: GivenHop): Route => {
    if (channel === undefined) throw refuse('route', 'expected a channel at each hop');
    return [{ node, scid: channel, amount, expiry: follower.height + 1 + delay, tlvOnly: true }];
  };
  const [first, ...rest] = route.flatMap(hop);
  return first && [first, ...rest];
};

/** The scheme of the set. Throws ApiError for one that this node does not have. */
const schemeFor = ({ payments }: Parts, name = defaultScheme): Scheme | typeof DEPLOYED => {
  if (name === DEPLOYED) return name;
  const scheme = payments.tables.schemes.get(name);
  if (scheme !== undefined) return scheme;
  const known = [...payments.tables.schemes.keys(), DEPLOYED].map((one) => `"${one}"`).join(' or ');
  throw new ApiError('invalid_params', `scheme: expected ${known}`, { field: 'scheme' });
};

const noRoute = ({ amount_msat, id }: Params): ApiError =>
  new ApiError(
    'pay_no_route',
    `no route to ${hex(id)} is known that could carry ${amount_msat} msat: nothing was sent`,
  );

const checkParams = (node: Parts, { id, amount_msat, max, route, shards, scheme, prefer }: Params): void => {
  const refuse = (name: string, what: string): ApiError =>
    new ApiError('invalid_params', `${name}: ${what}`, { field: name });
  if (equal(id, node.keys.nodeId)) throw refuse('id', 'expected another node than this one');
  if (amount_msat === 0n) throw refuse('amount_msat', 'expected more than nothing');
  if (shards !== undefined && max) throw refuse('shards', 'max looks for one HTLC; leave one of them out');
  if (shards !== undefined && route !== undefined)
    throw refuse('shards', 'one route carries one HTLC; leave one of them out');
  if (shards !== undefined && amount_msat < BigInt(shards))
    throw refuse('shards', 'expected at most one for each msat');
  if (prefer !== undefined && route !== undefined) throw refuse('prefer', 'the route is given; leave one of them out');
  if (scheme !== undefined && shards === undefined)
    throw refuse('scheme', 'it says how shares are made; give shards too');
};

/** Sends what the parameters ask for. Throws ApiError, and OnionError for a route that no onion has room for. */
const probed = async (node: Parts, params: Params): Promise<Result> => {
  const { id, amount_msat, max, exclude, shards, scheme, attempts, timeout, prefer } = params;
  const { probes } = node;
  const { clock } = node.ports;
  const end = clock.now() + timeout * 1000;
  const left = (): number => end - clock.now();
  const given = givenRoute(node, params);
  const avoid = exclusions(node, exclude ?? [], []);
  const query: ProbeQuery = {
    ...{ destination: id, amount: amount_msat, finalCltv: SPONTANEOUS_FINAL_CLTV + SLACK, avoid, prefer },
    only: given && new Set(given.map(({ scid }) => scid)),
  };
  if (shards !== undefined) {
    const all = await probes.together(query, schemeFor(node, scheme), shards, left());
    if (all === undefined) throw noRoute(params);
    return answerOfOne(node, amount_msat, all);
  }
  if (!max) {
    const route = given ?? probes.route(query);
    if (route === undefined) throw noRoute(params);
    return answerOfOne(node, amount_msat, [await probes.alone(route, left())]);
  }
  const found = await searchMost({
    ...{ most: amount_msat, attempts, avoid, left },
    route: (amount, without) => probes.route({ ...query, amount, avoid: without }),
    probe: (route) => probes.alone(route, left()),
  });
  if (found.attempts.length === 0) throw noRoute(params);
  return answerOf(node, amount_msat, found);
};

export const probe = method({
  doc: 'Finds out what a route, or the best one to a node, carries, without paying: by HTLCs that nobody can claim.',
  example: ['0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798', '1000000sat', 'max=true'],
  params,
  result,
  handler: async (node: Parts, params): Promise<Result> => {
    checkParams(node, params);
    refuseWithoutChain(node);
    if (node.probes.count >= MOST_AT_ONCE)
      throw new ApiError('busy', `${MOST_AT_ONCE} probes are under way already: wait for some to end`);
    try {
      return await probed(node, params);
    } catch (error) {
      if (error instanceof OnionError)
        throw new ApiError('invalid_params', `route: ${error.message}`, { field: 'route' });
      throw error;
    }
  },
});
