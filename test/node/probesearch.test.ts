/** The search for the most that reaches a destination: that it finds it, by which routes, and that it ends. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Exclusions, Route } from '../../amp/route.ts';
import type { Probed } from '../../node/pay/probes.ts';
import { type ProbeSearch, searchMost } from '../../node/pay/probesearch.ts';
import { failures } from '../../onion/failuremessages.ts';
import { equal } from '../../wire/bytes.ts';
import { msat } from '../../wire/units.ts';
import { scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';

/** Two routes of two hops to node 9, by nodes 1 and 2, the first of which is cheaper. */
const ways = [1, 2].map((n) => ({ first: scid(n), node: nodeOf(n), second: scid(10 + n) }));
const hop = { expiry: 600, tlvOnly: true };
type Way = (typeof ways)[number];
const routeBy = ({ first, node, second }: Way, amount: bigint): Route => [
  { ...hop, node, scid: first, amount: msat(amount + 1n) },
  { ...hop, node: nodeOf(9), scid: second, amount: msat(amount) },
];
const isOpen = ({ second, node }: Way, amount: bigint, { nodes, excluded }: Exclusions): boolean =>
  !nodes.some((one) => equal(one, node)) && !excluded.some((one) => one.scid === second && one.atLeast <= amount);

type End = Probed['end'];
const busy = (index: number, code: number = failures.temporary_channel_failure.code): End => ({
  kind: 'failed',
  failure: { kind: 'routing', index, code, message: new Uint8Array(), words: '' },
});

/** A search where each second channel carries so much. */
const searched = async (holds: readonly bigint[], given: Partial<ProbeSearch> = {}, ends?: (n: number) => End) => {
  const tried: bigint[] = [];
  let sent = 0;
  const found = await searchMost({
    ...{ most: msat(1_000_000n), attempts: 50, avoid: { nodes: [], excluded: [] }, left: () => 1 },
    route: (amount, avoid) => {
      const way = ways.find((one) => isOpen(one, amount, avoid));
      return way && routeBy(way, amount);
    },
    probe: async (route) => {
      const [first, last] = route;
      const amount = last?.amount ?? msat(0n);
      tried.push(amount);
      const holding = holds[ways.findIndex((way) => way.first === first.scid)] ?? 0n;
      const end = ends?.(++sent) ?? (amount <= holding ? { kind: 'carried' as const } : busy(1));
      return { route, end };
    },
    ...given,
  });
  return { ...found, tried };
};

describe('the search for the most that is carried', () => {
  test('ends with the first HTLC where that carries all', async () => {
    expect(await searched([1_000_000n, 0n])).toMatchObject({
      ...{ carried: 1_000_000n, failed: undefined, stopped: undefined, tried: [1_000_000n] },
    });
  });

  test('takes another route where the best one does not carry the amount', async () => {
    expect(await searched([0n, 1_000_000n])).toMatchObject({ carried: 1_000_000n, tried: [1_000_000n, 1_000_000n] });
  });

  test('comes to within a thousandth of what the better route carries, whatever both carry', async () => {
    const holds = fc.tuple(fc.bigInt(0n, 1_000_000n), fc.bigInt(0n, 1_000_000n));
    await fc.assert(
      fc.asyncProperty(holds, async (both) => {
        const { carried, failed, attempts, stopped } = await searched(both);
        const [most = 0n] = [...both].sort((a, b) => (a < b ? 1 : -1));
        expect(stopped).toBeUndefined();
        expect(carried <= most && most - carried <= 1_000n).toBe(true);
        expect(failed === undefined ? most === 1_000_000n : failed > most).toBe(true);
        expect(attempts.length).toBeLessThanOrEqual(2 * 11);
      }),
      { numRuns: 60 },
    );
  });

  test('never sends more HTLCs than it may, and says that it ended so', async () => {
    const { attempts, carried, failed, stopped } = await searched([300_000n, 0n], { attempts: 4 });
    expect([attempts.length, stopped]).toEqual([4, 'attempts']);
    expect([carried <= 300_000n, failed !== undefined && failed > 300_000n]).toEqual([true, true]);
  });

  test('begins no HTLC once the time is over', async () => {
    expect(await searched([0n, 0n], { left: () => 0 })).toMatchObject({ attempts: [], stopped: 'time', carried: 0n });
  });

  test('ends where an HTLC has no answer, or a failure names nobody', async () => {
    const silent = await searched([0n, 0n], {}, () => ({ kind: 'no_answer' }));
    expect([silent.stopped, silent.tried.length]).toEqual(['time', 1]);
    const reason = new Uint8Array(292);
    const blind = await searched([0n, 0n], {}, () => ({ kind: 'failed', failure: { kind: 'unreadable', reason } }));
    expect([blind.stopped, blind.tried.length]).toEqual(['unreadable', 1]);
  });

  test('tries no route over a node that is not well', async () => {
    const { tried, stopped } = await searched([0n, 0n], {}, () => busy(1, failures.temporary_node_failure.code));
    expect([tried, stopped]).toEqual([[1_000_000n, 1_000_000n], undefined]);
  });
});
