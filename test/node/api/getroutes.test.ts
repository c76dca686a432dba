/** Routes as `getroutes` answers them: several that carry an amount together, with fees, delays and probabilities. */
import { describe, expect, test } from 'vitest';
import { getroutes, type Parts } from '../../../node/api/methods/payments/getroutes.ts';
import type { Result } from '../../../node/api/table.ts';
import { FlowTurns } from '../../../node/pay/flowturns.ts';
import { hex } from '../../../wire/bytes.ts';
import { msat, scidOf } from '../../../wire/units.ts';
import { patient } from '../../support/api.ts';
import { idOf, NOW, type Terms } from '../../support/graph.ts';
import { network } from '../../support/network.ts';
import { heldClock } from '../../support/quiet.ts';

const id = (name: string): string => hex(idOf(name));
type Edge = readonly [string, string, number, Terms?];
const FREE = ['auto.localchans', 'auto.sourcefree'];

const asked = async (
  edges: readonly Edge[],
  { turns, ...given }: { readonly turns?: FlowTurns; readonly [param: string]: unknown } = {},
): Promise<Result<'getroutes'>> => {
  const outlets = edges.flatMap(([a, b, n]) =>
    a === 'me' ? [{ scid: scidOf(n, 0, 0), peer: idOf(b), spendable: msat(900_000_000n), slots: 483 }] : [],
  );
  const node = {
    ...{ graph: network(edges), now: () => NOW, keys: { nodeId: idOf('me') } },
    ...{ flowTurns: turns ?? new FlowTurns(heldClock()) },
    ...{ paymentChannels: { outlets: () => outlets }, channels: { byShortId: () => undefined } },
    knowledge: { scids: [scidOf(2, 0, 0)], bounds: () => ({ low: 0, high: 200_000_001 }) },
  } as unknown as Parts;
  const usual = { source: id('me'), destination: id('d'), amount_msat: 100_000_000n, layers: FREE };
  const params = getroutes.params.parse({ ...usual, maxfee_msat: 5_000_000n, final_cltv: 18, ...given });
  return (await getroutes.handler(node, params, patient)) as Result<'getroutes'>;
};

const free: Terms = { feeBase: 0n, feeProportional: 0, cltvExpiryDelta: 40 };
const line: readonly Edge[] = [
  ['me', 'b', 1, { feeBase: 7n, feeProportional: 0, cltvExpiryDelta: 10 }],
  ['b', 'd', 2, { feeBase: 20n, feeProportional: 1000, cltvExpiryDelta: 40 }],
];

describe('getroutes', () => {
  test('says of each hop what goes in and what arrives, and how likely it all is', async () => {
    const { probability_ppm, routes } = await asked(line);
    expect(probability_ppm).toBe(900_000);
    expect(routes).toMatchObject([
      {
        ...{ probability_ppm: 900_000, amount_msat: 100_000_000n, final_cltv: 18 },
        path: [
          { next_node_id: id('b'), amount_msat: 100_100_020n, amount_out_msat: 100_100_020n, delay: 58, cltv_out: 58 },
          { next_node_id: id('d'), amount_msat: 100_100_020n, amount_out_msat: 100_000_000n, delay: 58, cltv_out: 18 },
        ],
      },
    ]);
  });

  test('reckons with what the source asks of itself, and with channels of others, unless layers say otherwise', async () => {
    const { probability_ppm, routes } = await asked(line, { layers: [] });
    expect(probability_ppm).toBeLessThan(820_000);
    expect(routes[0]?.path[0]).toMatchObject({
      amount_in_msat: 100_100_027n,
      amount_out_msat: 100_100_020n,
      cltv_in: 68,
    });
  });

  test('reckons with what payments learnt in the layer xpay', async () => {
    expect((await asked(line, { layers: [...FREE, 'xpay'] })).probability_ppm).toBe(500_000);
  });

  test('cuts what no channel carries whole, into no more routes than are wanted', async () => {
    const two: readonly Edge[] = [
      ['me', 'b', 1],
      ['me', 'c', 2],
      ['b', 'd', 3, { ...free, htlcMaximum: 400_000_000n }],
      ['c', 'd', 4, { ...free, htlcMaximum: 400_000_000n }],
    ];
    const { routes, probability_ppm } = await asked(two, { amount_msat: 600_000_000n });
    expect(routes.reduce((sum, one) => sum + BigInt(one.amount_msat), 0n)).toBe(600_000_000n);
    expect(routes.length).toBeGreaterThan(1);
    const product = routes.reduce((all, one) => all * (Number(one.probability_ppm) / 1e6), 1);
    expect(Number(probability_ppm) / 1e6).toBeCloseTo(product, 4);
    for (const given of [{ maxparts: 1 }, { layers: [...FREE, 'auto.no_mpp_support'] }])
      await expect(asked(two, { amount_msat: 600_000_000n, ...given })).rejects.toMatchObject({
        reason: 'pay_no_route',
      });
  });

  test.each([
    ['more fees than are allowed', { maxfee_msat: 100_000n }],
    ['more blocks than are allowed', { maxdelay: 57 }],
    ['more fees than are allowed with what the source asks of itself', { maxfee_msat: 100_026n, layers: [] }],
    ['more blocks than are allowed with those of the source', { maxdelay: 67, layers: [] }],
  ])('finds nothing that takes %s', async (_, given) => {
    await expect(asked(line, given)).rejects.toMatchObject({ reason: 'pay_no_route' });
  });

  test('finds what takes as many fees and blocks as are allowed, those of the source among them', async () => {
    const { routes } = await asked(line, { maxfee_msat: 100_027n, maxdelay: 68, layers: [] });
    expect(routes.length).toBe(1);
  });

  test('refuses an amount of nothing, and routes to where they begin', async () => {
    await expect(asked(line, { amount_msat: 0n })).rejects.toThrow('amount_msat');
    await expect(asked(line, { destination: id('me') })).rejects.toThrow('destination');
  });

  test('waits for its turn behind a flow that took long, and is refused where too many calls wait', async () => {
    const clock = heldClock();
    const turns = new FlowTurns(clock);
    turns.forPayment(() => clock.pass(1_000));
    let isAnswered = false;
    const waiting = asked(line, { turns }).then(() => {
      isAnswered = true;
    });
    await new Promise(setImmediate);
    expect(isAnswered).toBe(false);
    for (let n = 1; n < 32; n++) void asked(line, { turns });
    await expect(asked(line, { turns })).rejects.toMatchObject({ reason: 'busy' });
    clock.pass(60_000);
    await waiting;
  });
});
