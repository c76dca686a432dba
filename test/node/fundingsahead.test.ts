/** Fundings of announced channels are looked up before their turn, where that is of use, and believed only as long as it holds. */
import { expect, test } from 'vitest';
import { MAX_LOOKUPS } from '../../node/graph/fundinglookups.ts';
import { Gossip } from '../../node/graph/gossip.ts';
import { Graph } from '../../node/graph/graph.ts';
import { CHECK_BYTES } from '../../node/graph/signaturechecks.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { decodeMessage } from '../../wire/message.ts';
import { scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, chainHash, chainWith, idOf, NOW, TIP } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';

const scids = Array.from({ length: 40 }, (_, index) => scidOf(200, index, 0));

/** A gossip service whose signatures all hold, over channels of which some are funded. */
const gossipOn = (funded: readonly (typeof scids)[number][]) => {
  const clock = { height: TIP };
  const channels = funded.map((scid) => announcedOf('a', 'b', scid));
  const { chain, asked } = chainWith(channels, () => clock.height);
  const graph = new Graph();
  const gossip = new Gossip({
    ...{ graph, chainHash, log: memoryLog(), later: () => undefined, interval: 60_000 },
    ...{ chain: chain as Chain, id: idOf('us'), now: () => NOW, height: () => clock.height },
    checks: { check: async (bytes) => new Uint8Array(bytes.length / CHECK_BYTES).fill(1) },
  });
  return { gossip, graph, asked, clock, channels };
};

const received = scids.map((scid) => {
  const raw = announcement('a', 'b', scid);
  const message = decodeMessage(raw);
  if (message.name !== 'channel_announcement') throw new Error(message.name);
  return { message, raw };
});

const settled = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('a batch is looked up a few at a time before its turn, and no channel twice', async () => {
  const { gossip, graph, asked } = gossipOn(scids);
  const checked = await gossip.check(received, idOf('p'));
  await settled();
  expect(asked.most).toBe(MAX_LOOKUPS);
  expect(asked.count).toBe(80);
  for (const [at, { message, raw }] of received.entries())
    expect(await gossip.handle(message, raw, idOf('p'), undefined, checked[at])).toBe('new');
  expect(asked.count).toBe(80);
  expect(graph.size.channels).toBe(40);
});

test('a channel that a block closed after it was looked up is looked up again, and not believed', async () => {
  const { gossip, graph, asked, clock, channels } = gossipOn(scids);
  const checked = await gossip.check(received, idOf('p'));
  await settled();
  channels.length = 0;
  clock.height++;
  for (const [at, { message, raw }] of received.entries())
    expect(await gossip.handle(message, raw, idOf('p'), undefined, checked[at])).toBe('ignored');
  expect(asked.count).toBe(160);
  expect(graph.size.channels).toBe(0);
});

test('who announced too many missing channels has none looked up ahead, under whatever id it comes', async () => {
  const { gossip, asked } = gossipOn([]);
  const source = '192.0.2.1';
  for (let i = 0; i < 300; i++) {
    const raw = announcement('a', 'b', scidOf(300, i, 0));
    const message = decodeMessage(raw);
    if (message.name === 'channel_announcement') await gossip.handle(message, raw, idOf('p'), source);
  }
  const before = asked.count;
  await gossip.check(received, idOf('another'), source);
  await settled();
  expect(asked.count).toBe(before);
  await gossip.check(received, idOf('another'), '192.0.2.2');
  await settled();
  expect(asked.count).toBe(before + 80);
});
