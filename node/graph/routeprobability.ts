/** How likely routes are to carry what they are to carry, all together, by the same reckoning as the search for them. */
import type { Reserved, Route } from '../../amp/route.ts';
import { Balances } from './balances.ts';
import { probabilityOf, UNIFORM } from './likelihood.ts';
import { keyOfNode } from './nodekeys.ts';
import type { RouteContext } from './routecontext.ts';

/**
 * By route, from 0 to 1: the probability that it carries its amount, once those before it in the list carry theirs. Their product is
 * the probability of all. Channels of which the balance is known, as our own, are certain.
 */
export const probabilitiesOf = (context: RouteContext, routes: readonly Route[]): readonly number[] => {
  const { compact } = context.graph;
  const certain = new Set(context.outlets.flatMap(({ scid, capacity }) => (capacity === undefined ? [scid] : [])));
  const taken: Reserved[] = [];
  return routes.map((route) => {
    const balances = new Balances(context.learnt, [], taken);
    let product = 1;
    for (const [n, { scid, amount }] of route.entries()) {
      const from = route[n - 1]?.node ?? context.source;
      const channel = compact.channelNumber(scid);
      if (channel === undefined || (n === 0 && certain.has(scid))) continue;
      const capacity = compact.capacity[channel] ?? 0;
      const known = balances.known(scid, keyOfNode(from), capacity);
      product *= probabilityOf(context.prior ?? UNIFORM, capacity, known, Number(amount));
    }
    for (const [n, { scid, amount }] of route.entries())
      taken.push({ scid, from: route[n - 1]?.node ?? context.source, amount, count: 1, offered: true });
    return product;
  });
};
