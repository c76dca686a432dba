/** Channels that both ends have left go from the graph; others stay, and so does everything while the node hears nothing. */
import { describe, expect, test } from 'vitest';
import { MOST_SWEPT, removeStale, SWEEP_MS, sweepStale } from '../../node/graph/stalechannels.ts';
import { scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  gossipOver,
  idOf,
  NOW,
  reloaded,
  storedGossipOver,
  update,
} from '../support/graph.ts';

const DAY = 24 * 3600;
const old = scidOf(100, 1, 0);
const half = scidOf(101, 1, 0);
const fresh = scidOf(102, 1, 0);
const untold = scidOf(103, 1, 0);
const ours = scidOf(104, 1, 0);
const channels = [old, half, fresh, untold].map((scid) => announcedOf('a', 'b', scid));
const all = [...channels, announcedOf('a', 'us', ours)];

/** Channels of all kinds, 15 days after their first policies. */
const aged = async (over: Pick<Awaited<ReturnType<typeof storedGossipOver>>, 'take' | 'clock' | 'graph' | 'log'>) => {
  const { take, clock, graph, log } = over;
  for (const scid of [old, half, fresh, untold]) await take(announcement('a', 'b', scid));
  await take(announcement('a', 'us', ours));
  for (const scid of [old, half, fresh])
    for (const [one, two] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const)
      await take(update(one, two, scid));
  await take(update('us', 'a', ours));
  clock.now = NOW + 15 * DAY;
  await take(update('b', 'a', half, {}, clock.now - DAY));
  const told: (readonly [bigint, number])[] = [];
  const parts = {
    ...{ graph, id: idOf('us'), log, now: () => clock.now },
    onRemoved: (scid: bigint, timestamp: number) => void told.push([scid, timestamp]),
  };
  return { parts, told };
};

describe('a channel whose policies are all older than two weeks', () => {
  test('goes, and one with a newer policy, one without any, and those of the node itself stay', async () => {
    const over = gossipOver(all);
    const { parts, told } = await aged(over);
    await over.take(update('a', 'b', fresh, {}, over.clock.now));
    expect(removeStale(parts)).toBe(1);
    expect([...over.graph.channels].map(({ scid }) => scid)).toEqual([half, fresh, untold, ours]);
    expect(told).toEqual([[old, NOW]]);
    expect(removeStale(parts)).toBe(0);
  });

  test('stays gone after a restart', async () => {
    const over = await storedGossipOver(all);
    const { parts } = await aged(over);
    await over.take(update('a', 'b', fresh, {}, over.clock.now));
    removeStale(parts);
    await over.messages.flush();
    expect((await reloaded(over.disk)).channel(old)).toBeUndefined();
  });

  test('stays while nothing new comes at all, as when the node was away or its clock is wrong', async () => {
    const over = gossipOver(all);
    const { parts } = await aged(over);
    over.clock.now += 2 * DAY;
    expect(removeStale(parts)).toBe(0);
    expect(over.graph.size.channels).toBe(5);
  });
});

test('a look takes out a limited number of channels, and there is one each hour', async () => {
  const over = gossipOver(all);
  const { parts } = await aged(over);
  const channel = over.graph.channel(old);
  if (channel === undefined) throw new Error('no channel');
  for (let i = 0; i < MOST_SWEPT; i++) over.graph.addChannel({ ...channel, scid: scidOf(200, i, 0) });
  sweepStale(parts, over.later);
  await over.pass(SWEEP_MS);
  // Both of the old ones that were announced, and what was made up but for the rest of them.
  expect(over.graph.size.channels).toBe(MOST_SWEPT + 5 - MOST_SWEPT);
  await over.pass(SWEEP_MS);
  expect(over.graph.size.channels).toBe(3);
});
