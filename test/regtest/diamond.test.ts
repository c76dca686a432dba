/**
 * Six processes: a payer, four forwarders and a payee. A payment that no single path carries is made by every scheme and by every
 * strategy. Each time a forwarder dies as in a power cut while it carries a part, and comes back.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYED } from '../../amp/deployed.ts';
import { schemeNames } from '../../amp/schemes.ts';
import { strategies } from '../../amp/strategies.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import type { NodeProcess } from '../../node/regtest/demo/process.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built, restingBalances } from '../support/regtest.ts';

const forwarders = ['ada', 'bea', 'cleo', 'dora'] as const;
type Name = 'alice' | 'zoe' | (typeof forwarders)[number];

/** Of each channel, in satoshi. */
const capacity = 1_000_000n;
/** In msat: more than a channel, and so a path, carries, and less than any three; and what zoe has beside it, for her reserves. */
const amount = 1_050_000_000n;
const lead = 200_000_000n;
const shards = 4;

let network: Network<Name>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], ada: [], bea: [], cleo: [], dora: [], zoe: [] } });
  const coin = capacity + 50_000n;
  await network.fund({ alice: forwarders.map(() => coin), ada: [coin], bea: [coin], cleo: [coin], dora: [coin] });
  const ways = forwarders.map((name) => [
    { from: 'alice', to: name, sat: capacity } as const,
    { from: name, to: 'zoe', sat: capacity } as const,
  ]);
  await network.open(ways.flat());
  await network.nodes.alice.call('keysend', { destination: network.nodes.zoe.id, amount_msat: lead, shards });
});
afterAll(() => network?.stop());

/** The first forwarder that has passed a part on. */
const carrier = (): Promise<(typeof forwarders)[number]> =>
  until(
    'a forwarder to pass a part on',
    async () => {
      for (const name of forwarders) {
        const { channels } = await network.nodes[name].call('listpeerchannels');
        if (channels.some(({ htlcs }) => htlcs.some(({ direction }) => direction === 'out'))) return name;
      }
      return undefined;
    },
    { every: 10 },
  );

/** kill -9, a new process on the same folder, and its channels in step again. */
const cutPower = async (node: NodeProcess, payee: NodeProcess): Promise<void> => {
  await node.kill();
  // Stopped until now, so that no payment is over before its forwarder dies.
  process.kill(payee.pid, 'SIGCONT');
  await node.start();
  await until(`${node.name}'s channels to be in step again`, async () => {
    for (const end of [network.nodes.alice, network.nodes.zoe])
      await node.call('connect', { id: end.id, host: '127.0.0.1', port: end.port });
    const { channels } = await node.call('listpeerchannels');
    return channels.length === 2 && channels.every(({ reestablished }) => reestablished) ? true : undefined;
  });
};

/** Makes a payment during which a forwarder dies, and holds all six nodes to what must be true afterwards. */
const payThrough = async (terms: { scheme?: string; strategy?: string; shards?: number }): Promise<void> => {
  const { alice, zoe } = network.nodes;
  const before = await restingBalances(network);
  process.kill(zoe.pid, 'SIGSTOP');
  const paying = alice.call('keysend', { destination: zoe.id, amount_msat: amount, ...terms });
  paying.catch(() => undefined);
  try {
    // A payment that ends before says why.
    const carrying = await Promise.race([carrier(), paying.then(() => undefined)]);
    if (carrying === undefined) throw new Error('it was paid though the payee stood still');
    await cutPower(network.nodes[carrying], zoe);
  } finally {
    process.kill(zoe.pid, 'SIGCONT');
  }
  const paid = await paying;
  expect(paid).toMatchObject({ status: 'complete', amount_msat: amount });
  expect(paid.parts).toBeGreaterThan(1);

  const after = await restingBalances(network);
  const gained = (name: Name): bigint => after[name] - before[name];
  expect(gained('zoe')).toBe(amount);
  expect(gained('alice')).toBe(-paid.amount_sent_msat);
  expect(forwarders.reduce((sum, name) => sum + gained(name), 0n)).toBe(paid.amount_sent_msat - amount);
  for (const name of network.names) {
    const { channels } = await network.nodes[name].call('listpeerchannels');
    const states = channels.map(({ state }) => state);
    expect(states).toEqual(Array(name === 'alice' || name === 'zoe' ? 4 : 2).fill('CHANNELD_NORMAL'));
  }
  await zoe.call('keysend', { destination: alice.id, amount_msat: amount });
};

describe('more than any path carries is paid to the last millisatoshi while a forwarder dies and comes back', () => {
  test.each([...schemeNames, DEPLOYED])(
    'scheme %s pays more than any path carries while a forwarder dies and comes back',
    (scheme) => payThrough({ scheme, shards }),
  );

  test.each([...strategies.values()].map(({ name, needsShards }) => [name, needsShards] as const))(
    'strategy %s pays more than any path carries while a forwarder dies and comes back',
    (strategy, needsShards) => payThrough({ strategy, ...(needsShards && { shards }) }),
  );
});
