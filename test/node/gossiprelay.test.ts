/** What waits to be passed on is bounded, and nothing waits for nobody. */
import { expect, test } from 'vitest';
import { GossipRelay } from '../../node/graph/gossiprelay.ts';
import { Graph, type GraphChannel, nodeKey } from '../../node/graph/graph.ts';
import { sat, scidOf, txid } from '../../wire/units.ts';
import { chainHash, filterOf, idOf, listener, NOW } from '../support/graph.ts';

const relayWith = () => {
  const timers: (() => void)[] = [];
  const relay = new GossipRelay({
    ...{ graph: new Graph(), chainHash, id: idOf('us'), now: () => NOW, interval: 60_000 },
    later: (_ms, run) => void timers.push(run),
  });
  return { relay, timers };
};

const channel = (index: number): GraphChannel => ({
  scid: scidOf(100, index, 0),
  nodes: [nodeKey(idOf('a')), nodeKey(idOf('b'))],
  ...{ capacity: sat(1_000n), funding: { txid: txid(new Uint8Array(32)), vout: 0 } },
  policies: [undefined, undefined],
});

const update = (relay: GossipRelay, index: number, from: string): void =>
  relay.update(channel(index), 0, new Uint8Array(1), NOW, idOf(from));

test('what a peer sends waits for nobody while no other peer asked for gossip', async () => {
  const { relay, timers } = relayWith();
  relay.connected(listener('silent'));
  await relay.filter(listener('sender'), filterOf());
  update(relay, 1, 'sender');
  expect(relay.waiting).toBe(0);
  expect(timers).toHaveLength(0);
  await relay.filter(listener('other'), filterOf());
  update(relay, 2, 'sender');
  expect(relay.waiting).toBe(1);
  expect(timers).toHaveLength(1);
});

test('a flood is passed on before the interval is over, and what waits stays bounded', async () => {
  const { relay, timers } = relayWith();
  await relay.filter(listener('other'), filterOf());
  let most = 0;
  for (let index = 0; index < 25_000; index++) {
    update(relay, index, 'sender');
    most = Math.max(most, relay.waiting);
  }
  expect(most).toBeLessThan(10_000);
  expect(relay.waiting).toBe(5_000);
  expect(timers).toHaveLength(1);
});
