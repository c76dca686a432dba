/**
 * Channels of the kinds that two of our nodes open, from funding to a cooperative close, on a real chain: a large one with
 * anchors that everybody knows of, and one beside it whose id nobody but its ends learns.
 */
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { hex } from '../../wire/bytes.ts';
import { built, restingBalances, whyNoChain } from '../support/regtest.ts';

type Name = 'alice' | 'bob' | 'carol';

/** More than fits a channel without option_support_large_channel. */
const large = 20_000_000n;
const small = 1_000_000n;

let missing: string | undefined;
let network: Network<Name>;
/** TXID:OUTPUT of the large channel. */
let funding = '';

const channelOf = async (name: Name, peer: Name) => {
  const { channels } = await network.nodes[name].call('listpeerchannels', { id: network.nodes[peer].id });
  const [channel] = channels;
  if (channel === undefined) throw new Error(`${name} has no channel with ${peer}`);
  return channel;
};
const coinsOf = async (name: Name): Promise<readonly bigint[]> => {
  const { outputs } = await network.nodes[name].call('listfunds');
  return outputs.filter(({ status }) => status === 'confirmed').map(({ amount_msat: amount }) => amount / 1000n);
};
const invoiceOf = async (name: Name, amount: bigint, label: string) =>
  (await network.nodes[name].call('invoice', { amount_msat: amount, label, description: label })).bolt11;

beforeAll(async () => {
  built('node/main.js');
  missing = await whyNoChain();
  if (missing !== undefined) return;
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [], carol: [] } });
  await network.fund({ alice: [large + 100_000n], bob: [small + 100_000n] });
  const { bob, carol } = network.nodes;
  await bob.call('connect', { id: carol.id, host: '127.0.0.1', port: carol.port });
  const [opened] = await network.open([{ from: 'alice', to: 'bob', sat: large }]);
  funding = opened?.funding ?? '';
});
afterAll(() => network?.stop());

describe('two nodes that know anchors', () => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  test('two nodes that know anchors use them, also in a channel larger than 2^24 sat', async () => {
    for (const [name, peer] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ] as const)
      expect(await channelOf(name, peer)).toMatchObject({
        state: 'CHANNELD_NORMAL',
        total_msat: large * 1000n,
        channel_type: { bits: [12, 22], names: ['static_remotekey/even', 'anchors/even'] },
        features: ['option_static_remotekey', 'option_anchors'],
        feerate: { perkw: 2500, perkb: 10_000 },
        our_reserve_msat: 200_000_000n,
        dust_limit_msat: 354_000n,
      });
    // 2500 sat per 1,000 weight: at twice the rate with two HTLCs 7,340 sat, 660 for the anchors, and the reserve.
    const spendable = (large - 200_000n - 7_340n - 660n) * 1000n;
    expect((await channelOf('alice', 'bob')).spendable_msat).toBe(spendable);
  });

  test('two nodes pay each other over channels with anchors', async () => {
    const { alice, bob } = network.nodes;
    const before = await restingBalances(network);
    await alice.call('pay', { bolt11: await invoiceOf('bob', 5_000_000_000n, 'there') });
    await bob.call('pay', { bolt11: await invoiceOf('alice', 1_234_567n, 'back') });
    const moved = 5_000_000_000n - 1_234_567n;
    const after = await restingBalances(network);
    expect([before.alice - after.alice, after.bob - before.bob]).toEqual([moved, moved]);
  });

  test('a payment reaches a third node over a channel that only an alias names', async () => {
    const { alice, bob, carol } = network.nodes;
    const terms = { id: carol.id, amount: small, announce: false, channel_type: [12, 22, 46] };
    await expect(bob.call('fundchannel', { ...terms, announce: true })).rejects.toThrow('needs announce=false');
    await expect(bob.call('fundchannel', { ...terms, channel_type: [12, 50] })).rejects.toThrow('channel_type');
    expect((await bob.call('fundchannel', terms)).channel_type?.names).toEqual([
      'static_remotekey/even',
      'anchors/even',
      'scid_alias/even',
    ]);
    await network.mine(6);
    for (const [name, peer] of [
      ['bob', 'carol'],
      ['carol', 'bob'],
    ] as const)
      await until(`${name} to have the channel, with the peer's policy`, async () => {
        const { state, updates } = await channelOf(name, peer);
        return state === 'CHANNELD_NORMAL' && updates?.remote !== undefined ? true : undefined;
      });
    const ends = [await channelOf('bob', 'carol'), await channelOf('carol', 'bob')];
    expect(ends[0]?.alias?.local).toBe(ends[1]?.alias?.remote);
    expect(ends[0]?.alias?.remote).toBe(ends[1]?.alias?.local);
    expect(ends[0]?.alias?.local).not.toBe(ends[0]?.short_channel_id);

    const bolt11 = await invoiceOf('carol', 300_000_000n, 'aliased');
    const { routes } = await alice.call('decode', { string: bolt11 });
    expect(routes?.flat().map(({ short_channel_id: scid }) => scid)).toEqual([ends[0]?.alias?.local]);
    const before = await restingBalances(network);
    const paid = await alice.call('pay', { bolt11 });
    const after = await restingBalances(network);
    expect(after.carol - before.carol).toBe(300_000_000n);
    expect(before.alice - after.alice).toBe(paid.amount_sent_msat);
    expect(after.bob - before.bob).toBe(paid.amount_sent_msat - 300_000_000n);
    expect((await alice.call('listchannels')).channels.map(({ short_channel_id: scid }) => scid)).not.toContain(
      ends[0]?.short_channel_id,
    );
  });

  test('a mutual close of a channel with anchors pays each node its balance', async () => {
    const { alice, bob } = network.nodes;
    const balances = {
      alice: (await channelOf('alice', 'bob')).to_us_msat / 1000n,
      bob: (await channelOf('bob', 'alice')).to_us_msat / 1000n,
    };
    const before = { alice: await coinsOf('alice'), bob: await coinsOf('bob') };
    const { type, txs } = await alice.call('close', { id: bob.id });
    expect(type).toBe('mutual');
    const tx = Transaction.fromHex(txs?.[0] ?? '');
    const spent = tx.ins.map(({ hash, index }) => `${hex(hash.toReversed())}:${index}`);
    expect(spent).toEqual([funding]);
    const outputs = tx.outs.map(({ value }) => value);
    const fee = large - outputs.reduce((sum, value) => sum + value, 0n);
    // The funder pays, by the estimate of 2500 sat per 1,000 weight; signatures may be shorter than reckoned with.
    expect(fee).toBeGreaterThanOrEqual((2500n * BigInt(tx.weight())) / 1000n);
    expect(fee).toBeLessThan((2500n * BigInt(tx.weight() + 20)) / 1000n);
    // Both balances have a part below one satoshi, which nobody gets but the miner.
    expect(balances.alice + balances.bob).toBe(large - 1n);
    expect([...outputs].sort()).toEqual([balances.bob, balances.alice - (fee - 1n)].sort());
    await network.mine(1);
    const more = async (name: 'alice' | 'bob') =>
      (await coinsOf(name)).reduce((sum, coin) => sum + coin, 0n) - before[name].reduce((sum, coin) => sum + coin, 0n);
    await until('both wallets to have the coins', async () => ((await more('bob')) > 0n ? true : undefined));
    expect([await more('alice'), await more('bob')]).toEqual([balances.alice - (fee - 1n), balances.bob]);
  });

  test('nodes announce a cltv_expiry_delta no smaller than the one they need themselves', async () => {
    await expect(
      network.nodes.carol.call('invoice', { amount_msat: 1000n, label: 'late', description: 'late', cltv: 21 }),
    ).rejects.toThrow('cltv: expected an integer from 22 to 1008');
  });
});
