/** Which payments are drawn: between whom, how much, when. */
import { describe, expect, test } from 'vitest';
import { drawOrders } from '../../../node/simulate/orders.ts';
import { randomOf } from '../../../node/simulate/random.ts';
import { graphOf, ringWithChords } from './graphs.ts';

const wish = { count: 200, least: 1_000_000, most: 1_000_000_000, rate: undefined };
/** Between 0 and 1 there is much, to 2 and 3 little; node 4 has no channel, and to 3 none leads. */
const uneven = graphOf(5, [
  { ends: [0, 1], capacity: 10_000_000 },
  { ends: [1, 2], capacity: 1000 },
  { ends: [2, 3], capacity: 10_000_000, disabled: true },
]);

describe('the payments of a simulation', () => {
  test('are of amounts between the least and the most, each ratio as likely, and never to the payer itself', () => {
    const orders = drawOrders(ringWithChords(20, 10, 1), wish, randomOf(4));
    expect(orders.every(({ amount }) => amount >= wish.least && amount <= wish.most)).toBe(true);
    expect(orders.filter(({ amount }) => amount < 31_622_777).length).toBeGreaterThan(70);
    expect(orders.every(({ payer, payee }) => payer !== payee)).toBe(true);
    expect(orders.every(({ at }) => at === undefined)).toBe(true);
  });

  test('are between nodes whose channels have room for them', () => {
    const orders = drawOrders(uneven, { ...wish, least: 100_000_000 }, randomOf(4));
    expect(orders.every(({ payee }) => payee < 2)).toBe(true);
    expect(orders.some(({ payer }) => payer === 3)).toBe(true);
    expect(orders.every(({ payer }) => payer !== 4)).toBe(true);
  });

  test('begin at a rate, by chance', () => {
    const times = drawOrders(uneven, { ...wish, rate: 10 }, randomOf(4)).map(({ at = 0 }) => at);
    expect(times.every((at, n) => at > (times[n - 1] ?? 0))).toBe(true);
    expect(times.at(-1)).toBeGreaterThan(14_000);
    expect(times.at(-1)).toBeLessThan(26_000);
  });

  test('are between the nodes that are asked for, and none pays itself where one alone is paid', () => {
    const orders = drawOrders(uneven, { ...wish, payers: [0, 1], payees: [1] }, randomOf(4));
    expect(orders.every(({ payer, payee }) => payer === 0 && payee === 1)).toBe(true);
  });

  test('are refused where no two nodes have channels', () => {
    expect(() => drawOrders(graphOf(3, []), wish, randomOf(1))).toThrow('a payment needs two nodes that have channels');
    expect(() => drawOrders(uneven, { ...wish, payers: [1], payees: [1] }, randomOf(1))).toThrow(RangeError);
  });
});
