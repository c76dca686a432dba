/** The payee dies as in a power cut while it holds some shards of a set: after its restart the set is still all or nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built, restingBalances, whyNoChain } from '../support/regtest.ts';

type Name = 'alice' | 'bob' | 'dave';

const amount = 300_000_000n;
const shards = 3;

let missing: string | undefined;
let network: Network<Name>;

beforeAll(async () => {
  built('node/main.js');
  missing = await whyNoChain();
  if (missing !== undefined) return;
  network = await startNetwork<Name>({
    nodes: { alice: [], bob: [], dave: [] },
    flags: ['--dev'],
  });
  await network.fund({ alice: [1_050_000n], bob: [1_050_000n] });
  await network.open([
    { from: 'alice', to: 'bob', sat: 1_000_000n },
    { from: 'bob', to: 'dave', sat: 1_000_000n },
  ]);
});
afterAll(() => network?.stop());

const invoice = async (label: string) => {
  const { bolt11 } = await network.nodes.dave.call('invoice', {
    amount_msat: amount,
    label,
    description: label,
    amp: 'eob',
  });
  return bolt11;
};
const statusOf = async (label: string) =>
  (await network.nodes.dave.call('listinvoices', { label })).invoices[0]?.status;
const partsOf = async (label: string) => (await network.nodes.dave.call('listsets', { label })).sets[0]?.parts;

/** Resolves when dave holds all shards but the last. */
const nearlyWhole = (label: string) =>
  until(
    'dave to hold all shards but the last',
    async () => ((await partsOf(label)) === shards - 1 ? true : undefined),
    { every: 10 },
  );

/** kill -9, a new process on the same folder, and the channel with bob in step again. */
const cutPower = async (flags: readonly string[] = []) => {
  const { dave, bob } = network.nodes;
  const before = dave.pid;
  await dave.kill();
  await dave.start(flags);
  expect(dave.pid).not.toBe(before);
  await until('bob and dave to be in step again', async () => {
    // Else it is up to bob when he tries again, the later the oftener dave was gone.
    await bob.call('connect', { id: dave.id, host: '127.0.0.1', port: dave.port });
    const { channels } = await bob.call('listpeerchannels', { id: dave.id });
    return channels[0]?.reestablished === true ? true : undefined;
  });
};

describe('a payee killed between two shards and started again', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('a payee killed between two shards still holds the first after a restart, and claims all once the last arrives', async () => {
    const { alice, dave } = network.nodes;
    const before = await restingBalances(network);
    const bolt11 = await invoice('completes');
    const paying = alice.call('pay', { bolt11, scheme: 'dynamic', shards });
    paying.catch(() => undefined);
    await nearlyWhole('completes');
    // The payer stands still, so that the last shard cannot come while dave is away.
    process.kill(alice.pid, 'SIGSTOP');
    try {
      await cutPower();
      expect(await partsOf('completes')).toBe(shards - 1);
      expect(await statusOf('completes')).toBe('unpaid');
    } finally {
      process.kill(alice.pid, 'SIGCONT');
    }
    const paid = await paying;
    expect(paid).toMatchObject({ status: 'complete', parts: shards, amount_msat: amount });
    expect(new Set(paid.payment_preimages).size).toBe(shards);
    expect(await statusOf('completes')).toBe('paid');
    const after = await restingBalances(network);
    expect(after.dave - before.dave).toBe(amount);
    expect(before.alice - after.alice).toBe(paid.amount_sent_msat);
    expect(after.bob - before.bob).toBe(paid.amount_sent_msat - amount);
    expect(dave.running).toBe(true);
  });

  test('a payee killed between two shards fails the set back when the last shard never arrives', async () => {
    const { alice } = network.nodes;
    const before = await restingBalances(network);
    const bolt11 = await invoice('times out');
    const refused = alice.call('pay', { bolt11, scheme: 'dynamic', shards, dev_withhold: 1 }).then(
      () => 'paid',
      (error: Error) => error.message,
    );
    await nearlyWhole('times out');
    await cutPower();
    expect(await partsOf('times out')).toBe(shards - 1);
    // It has a minute for a set, more than a restart takes on a busy machine. With a second that one is too old.
    await cutPower(['--amp-timeout', '1']);
    expect(await refused).toContain('mpp_timeout');
    expect(await restingBalances(network)).toEqual(before);
    expect(await statusOf('times out')).toBe('unpaid');
  });
});
