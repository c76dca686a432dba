/** `ampere/amp`: a strategy of one's own, which says how the amount of a payment is cut into parts. */
import { cut, halve, type Outlet, type Strategy } from 'ampere/amp';
import { startNetwork } from 'ampere/node';
import { msat, point, pointOf, sat, scidOf, secretKey, sha256, sumMsat, utf8 } from 'ampere/wire';
import { expect, test } from 'vitest';

/** Round parts of 10,000 sat and a rest, so that whoever forwards one learns little of the amount that is paid. */
const round: Strategy = {
  name: 'round',
  needsShards: false,
  usesWindows: false,
  cut: ({ amount, minShard, maxShards, ...wish }, outlets) => {
    const part = msat(10_000_000n);
    const parts = amount / part;
    const rest = msat(amount % part);
    const pieces = [...Array(Number(parts)).fill(part), ...(rest > 0n ? [rest] : [])];
    // Too many parts, or a rest that is too small for one: as the node would have cut it.
    const fits = pieces.length <= maxShards && (rest === 0n || rest >= minShard || parts === 0n);
    return fits ? pieces : cut({ amount, minShard, maxShards, ...wish }, outlets);
  },
  // A part that failed goes another way as it is; one that finds no way is cut in half.
  split: ({ minShard }, { amount, cause, largest }) =>
    cause === 'no_route' ? halve(amount, minShard, largest) : undefined,
};

test('an amount is cut into round parts and a rest', () => {
  // Its functions are pure, so they can be tried without a node. An outlet is a channel that an HTLC can leave by.
  const outlet: Outlet = {
    scid: scidOf(700, 1, 0),
    peer: point(pointOf(secretKey(sha256(utf8('a peer'))))),
    spendable: msat(100_000_000n),
    slots: 30,
  };
  const wish = {
    amount: msat(34_000_000n),
    maxFee: msat(0n),
    shards: undefined,
    maxShards: 16,
    minShard: msat(1_000n),
  };
  const pieces = round.cut(wish, [outlet]);
  if (pieces === undefined || 'expected' in pieces) throw new Error('it should cut');
  expect(pieces).toEqual([10_000_000n, 10_000_000n, 10_000_000n, 4_000_000n]);
  expect(sumMsat(pieces)).toBe(wish.amount);
});

test('a node cuts its payments by it where they ask for it', async () => {
  const { nodes, stop } = await startNetwork({
    nodes: { alice: { strategies: [round] }, bob: {} },
    channels: [['alice', 'bob', sat(1_000_000n)]],
  });
  try {
    const { id } = await nodes.bob.call('getinfo');
    const given = { destination: id, amount_msat: 34_000_000n, strategy: 'round', scheme: 'tree' };
    expect(await nodes.alice.call('keysend', given)).toMatchObject({ status: 'complete', parts: 4 });
  } finally {
    await stop();
  }
});
