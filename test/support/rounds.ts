/**
 * Payments in rounds, as Pickhardt and Richter describe them (2021, "Optimally Reliable & Cheap Payment Flows on the Lightning
 * Network"): in each round routes are asked for what has not arrived yet, and a part is sent over each of them. Those that get through
 * stay; each that does not says where it ended, which the next round knows.
 */
import type { Excluded, Reserved, Route, RouteQuery } from '../../amp/route.ts';
import { type Bounds, boundsWithin } from '../../node/graph/likelihood.ts';
import type { Liquidity } from '../../node/simulate/liquidity.ts';
import { directionFrom, nodeId, nodeKey, nodeOf, scidOf } from '../../node/simulate/names.ts';
import type { SimGraph } from '../../node/simulate/network.ts';
import { BEGINNING } from '../../node/simulate/routes.ts';
import { msat, type ShortChannelId } from '../../wire/units.ts';
import type { Router, RouterContext } from './routework.ts';

export interface RoundsWorld {
  readonly graph: SimGraph;
  readonly routing: RouterContext['graph'];
  /** Directions away from each node. */
  readonly directions: readonly (readonly number[])[];
  /** The balances, of which the payer knows its own. */
  readonly liquidity: Liquidity;
}

export interface Delivery {
  readonly arrived: bigint;
  readonly rounds: number;
  readonly attempts: number;
  readonly fees: bigint;
}

/** What the payer's channels can carry together, msat. */
export const localBalance = ({ directions, liquidity }: RoundsWorld, payer: number): number =>
  (directions[payer] ?? []).reduce((sum, direction) => sum + liquidity.room(direction).most, 0);

/** What no way is found for, or nothing got through of, is made smaller by halves, down to such a part of what is left. */
const SMALLEST = 64n;

/**
 * Sends `amount` from `payer` to `payee` in at most `most` rounds, for at most `maxFee` in all. What was locked for it in the end is
 * given back, so that the world is as it was.
 */
export const inRounds = (
  world: RoundsWorld,
  { payer, payee, amount, maxFee }: Readonly<Record<'payer' | 'payee', number> & Record<'amount' | 'maxFee', bigint>>,
  router: Router,
  most: number,
): Delivery => {
  const { graph, directions, liquidity } = world;
  const locked: { readonly direction: number; readonly amount: number }[] = [];
  const reserved: Reserved[] = [];
  const excluded: Excluded[] = [];
  /** By channel and node: what it carried at once, and what it did not, msat. */
  const bounds = new Map<string, Bounds>();
  const known = new Set<ShortChannelId>();
  let [left, fees, rounds, attempts] = [amount, 0n, 0, 0];

  const endOf = (direction: number): number => ((direction & 1) === 0 ? graph.end : graph.start)[direction >> 1] ?? 0;
  const learn = (scid: ShortChannelId, from: number, change: (old: Bounds) => Bounds): void => {
    const capacity = (graph.capacity[Number(scid) - 1] ?? 0) * 1000;
    const key = `${scid}/${nodeKey(from)}`;
    bounds.set(key, change(bounds.get(key) ?? boundsWithin(capacity)));
    known.add(scid);
  };
  const context = (): RouterContext => ({
    learnt: { scids: () => known, of: (scid, from) => bounds.get(`${scid}/${from}`) },
    prefer: 'reliable',
    ...{ graph: world.routing, source: nodeId(payer), hints: [], now: () => BEGINNING, tlvOnly: () => true },
    outlets: (directions[payer] ?? []).map((direction) => {
      const room = liquidity.room(direction);
      const spendable = msat(BigInt(Math.floor(room.most)));
      return { scid: scidOf(direction >> 1), peer: nodeId(endOf(direction)), spendable, slots: room.slots };
    }),
  });
  const query = (part: bigint): RouteQuery => ({
    ...{ query: 1, shard: 0, destination: nodeId(payee), amount: msat(part), maxFee: msat(maxFee - fees) },
    ...{ finalExpiry: 18, maxExpiry: 2016, maxHops: 20, excludedNodes: [], excluded, reserved },
  });
  const send = (route: Route): void => {
    attempts++;
    let from = payer;
    const held: typeof locked = [];
    for (const [n, { scid, node, amount: part }] of route.entries()) {
      const direction = directionFrom(graph, scid, from);
      const all = (liquidity.locked[direction] ?? 0) + Number(part);
      if (!liquidity.lock(direction, Number(part))) {
        learn(scid, from, ({ low, high }) => ({ low: Math.min(low, all - 1), high: Math.min(high, all) }));
        // Asked again for a little less it would most likely fail again: half of it is as likely to get through as not.
        excluded.push({ scid, from: n === 0 ? undefined : nodeId(from), atLeast: msat((part + 1n) / 2n) });
        for (const one of held) liquidity.release(one.direction, one.amount);
        return;
      }
      learn(scid, from, ({ low, high }) => ({ low: Math.max(low, all), high: Math.max(high, all + 1) }));
      held.push({ direction, amount: Number(part) });
      from = nodeOf(node);
    }
    locked.push(...held);
    route.forEach(({ scid, amount: part }, n) => {
      reserved.push({ scid, from: route[n - 1]?.node, amount: part, count: 1, offered: true });
    });
    const arrives = (route.at(-1) ?? route[0]).amount;
    left -= arrives;
    fees += route[0].amount - arrives;
  };

  let part = left;
  for (; left > 0n && rounds < most; rounds++) {
    const before = left;
    let routes: readonly Route[] | undefined;
    for (; routes === undefined && part > 0n && part * SMALLEST >= left; part = routes === undefined ? part / 2n : part)
      routes = router(context(), query(part));
    if (routes === undefined) break;
    for (const route of routes) send(route);
    // Where nothing of it got through, less of it may.
    part = left < before ? left : part / 2n;
  }
  for (const one of locked) liquidity.release(one.direction, one.amount);
  return { arrived: amount - left, rounds, attempts, fees };
};
