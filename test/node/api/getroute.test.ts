/** Routes as `getroute` answers them: in the form that sendpay takes, over what the network announced. */
import { describe, expect, test } from 'vitest';
import { getroute, type Parts } from '../../../node/api/methods/payments/getroute.ts';
import type { Result } from '../../../node/api/table.ts';
import { hex } from '../../../wire/bytes.ts';
import { msat, scidOf } from '../../../wire/units.ts';
import { patient } from '../../support/api.ts';
import { idOf, NOW, type Terms } from '../../support/graph.ts';
import { network } from '../../support/network.ts';

const id = (name: string): string => hex(idOf(name));
type Edge = readonly [string, string, number, Terms?];

/** The route in words: who, by which channel, how much, for how long. */
const routed = async (edges: readonly Edge[], given: object): Promise<readonly string[]> => {
  const outlets = edges.flatMap(([a, b, n]) =>
    a === 'me' ? [{ scid: scidOf(n, 0, 0), peer: idOf(b), spendable: msat(900_000_000n), slots: 1 }] : [],
  );
  const node = {
    ...{ graph: network(edges), now: () => NOW, keys: { nodeId: idOf('me') } },
    ...{ paymentChannels: { outlets: () => outlets }, channels: { byShortId: () => undefined } },
  } as unknown as Parts;
  const params = getroute.params.parse({ amount_msat: 100_000n, riskfactor: 0, ...given });
  const { route } = (await getroute.handler(node, params, patient)) as Result<'getroute'>;
  const names = new Map(['me', 'b', 'c', 'd'].map((name) => [id(name), name]));
  return route.map(
    (hop) => `${names.get(hop.id)} ${hop.channel}/${hop.direction} ${hop.amount_msat} ${hop.delay} ${hop.style}`,
  );
};

const line: readonly Edge[] = [
  ['me', 'b', 1],
  ['b', 'c', 2, { feeBase: 10n, cltvExpiryDelta: 34 }],
  ['c', 'd', 3, { feeBase: 20n, feeProportional: 1000, cltvExpiryDelta: 40 }],
];
const side = (a: string, b: string): number => (id(a) < id(b) ? 0 : 1);

describe('getroute', () => {
  test('gives each hop what has to arrive there, and the blocks until its HTLC expires', async () => {
    expect(await routed(line, { id: id('d'), cltv: 18 })).toEqual([
      `b 1x0x0/${side('me', 'b')} 100131 92 tlv`,
      `c 2x0x0/${side('b', 'c')} 100120 58 tlv`,
      `d 3x0x0/${side('c', 'd')} 100000 18 tlv`,
    ]);
  });

  test('begins at another node where one is named, which asks no fee of itself', async () => {
    expect(await routed(line, { id: id('d'), fromid: id('b') })).toEqual([
      `c 2x0x0/${side('b', 'c')} 100120 49 tlv`,
      `d 3x0x0/${side('c', 'd')} 100000 9 tlv`,
    ]);
  });

  test.each([
    ['a node on the way', { exclude: [id('c')] }],
    ['a channel in the direction it would take', { exclude: [`2x0x0/${side('b', 'c')}`] }],
    ['the first channel, seen from where the route begins', { fromid: id('b'), exclude: [`2x0x0/${side('b', 'c')}`] }],
    ['all routes of as many channels', { maxhops: 2 }],
    ['more than a channel carries', { amount_msat: 2_000_000_000n }],
  ])('finds no route without %s', async (_, given) => {
    await expect(routed(line, { id: id('d'), ...given })).rejects.toMatchObject({ reason: 'pay_no_route' });
  });

  test('takes the other direction of a channel that is excluded in one', async () => {
    const given = { id: id('d'), exclude: [`2x0x0/${side('c', 'b')}`] };
    expect(await routed(line, given)).toHaveLength(3);
  });

  test('prefers the cheap route, and at a high risk factor the one that locks the money up for less time', async () => {
    const edges: readonly Edge[] = [
      ['me', 'b', 1],
      ['b', 'd', 2, { feeBase: 10n, cltvExpiryDelta: 1000 }],
      ['me', 'c', 3],
      ['c', 'd', 4, { feeBase: 1000n, cltvExpiryDelta: 10 }],
    ];
    const way = async (riskfactor: number) => (await routed(edges, { id: id('d'), riskfactor }))[0]?.slice(0, 1);
    expect([await way(0), await way(1000)]).toEqual(['b', 'c']);
  });

  test('at an amount of 0 finds a route whatever channels take at least', async () => {
    expect(await routed(line, { id: id('d'), amount_msat: 0 })).toEqual([
      `b 1x0x0/${side('me', 'b')} 30 83 tlv`,
      `c 2x0x0/${side('b', 'c')} 20 49 tlv`,
      `d 3x0x0/${side('c', 'd')} 0 9 tlv`,
    ]);
  });
});
