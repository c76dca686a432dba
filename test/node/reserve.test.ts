/** The anchor reserve: what stays in the wallet for channels that may have to be taken to the chain, and who is refused for it. */
import { afterEach, expect, test } from 'vitest';
import { type LocalPair, startPair, type Who } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const kept = { 'anchor-reserve': '25000', 'anchor-reserve-most': '40000' };
const elsewhere = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

/** Nodes that are connected. With the reserve that other networks have, unless told. */
const started = async (flags: Readonly<Record<string, string>> = kept) => {
  const pair = await startPair(flags);
  pairs.push(pair);
  const { alice, bob } = pair.nodes;
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  const coins = async (who: Who) =>
    (await pair.nodes[who].call('listfunds', {})).outputs.map(({ amount_msat }) => amount_msat / 1000n);
  const fund = (amount: bigint | 'all', more: object = {}) =>
    alice.call('fundchannel', { id: bob.id, amount, ...more });
  return { pair, alice, bob, coins, fund };
};

test('fundchannel all leaves it, and opens nothing where there is no more', async () => {
  const { pair, bob, coins, fund } = await started();
  await pair.endow('alice', 600_000n, 400_000n);
  await pair.endow('bob', 100_000n);
  const { channel_id } = await fund('all');
  await pair.mine();
  expect(await coins('alice')).toEqual([25_000n]);
  expect((await pair.channel('alice', channel_id))?.total_msat).toBeGreaterThan(970_000_000n);
  await expect(fund('all')).rejects.toThrow('not enough money');
  expect(await coins('alice')).toEqual([25_000n]);
  expect((await bob.call('getinfo', {})).warning_anchor_reserve).toBeUndefined();
});

test('who opens a channel with anchors is refused where less would stay, unless it may be used', async () => {
  const { pair, alice, fund } = await started();
  await pair.endow('alice', 100_000n);
  await pair.endow('bob', 100_000n);
  await expect(fund(80_000n)).rejects.toThrow(
    /sat would stay in the wallet, where 25000 sat are kept .*use_reserve=true/,
  );
  const { warning_anchor_reserve: warning } = await fund(80_000n, { use_reserve: true });
  expect(warning).toMatch(/^\d+ sat in the wallet, 25000 sat are needed there for channels with anchors/);
  expect(pair.logs.alice.join('\n')).toContain('are needed there for channels with anchors');
  expect((await alice.call('getinfo', {})).warning_anchor_reserve).toBe(warning);
});

test('a channel without anchors needs none', async () => {
  const { pair, bob, fund } = await started({ ...kept, 'allow-static-remotekey': 'true' });
  await pair.endow('alice', 100_000n);
  const { warning_anchor_reserve: warning } = await fund(95_000n, { channel_type: [12] });
  expect(warning).toBeUndefined();
  expect((await bob.call('getinfo', {})).warning_anchor_reserve).toBeUndefined();
});

test('who is asked for a channel with anchors says no without coins, and yes once there are some', async () => {
  const { pair, fund } = await started();
  await pair.endow('alice', 200_000n, 200_000n, 200_000n);
  await expect(fund(100_000n)).rejects.toThrow('too few coins in its wallet to pay for the claims');
  await pair.endow('bob', 24_999n);
  await expect(fund(100_000n)).rejects.toThrow('too few coins');
  await pair.endow('bob', 2_000n);
  await fund(100_000n);
  // A second channel asks for more, a third for no more than is kept for all.
  await expect(fund(100_000n)).rejects.toThrow('too few coins');
  await pair.endow('bob', 13_001n);
  await pair.mine();
  await fund(100_000n);
  await pair.mine();
  await fund(100_000n);
});

test('withdraw leaves it, all or not, unless it may be used', async () => {
  const { pair, alice, coins, fund } = await started();
  await pair.endow('alice', 1_000_000n);
  await pair.endow('bob', 100_000n);
  await fund(500_000n);
  await pair.mine();
  await expect(alice.call('withdraw', { destination: elsewhere, satoshi: 480_000 })).rejects.toThrow('are kept to pay');
  await alice.call('withdraw', { destination: elsewhere, satoshi: 'all' });
  await pair.mine();
  expect(await coins('alice')).toEqual([25_000n]);
  await expect(alice.call('withdraw', { destination: elsewhere, satoshi: 1_000 })).rejects.toThrow('are kept to pay');
  await alice.call('withdraw', { destination: elsewhere, satoshi: 'all', use_reserve: true });
  await pair.mine();
  expect(await coins('alice')).toEqual([]);
  expect((await alice.call('getinfo', {})).warning_anchor_reserve).toMatch(
    /^0 sat in the wallet, 25000 sat are needed/,
  );
});

test('on regtest nothing is kept unless told, and what is at risk is said', async () => {
  const { pair, bob, coins, fund } = await started({});
  await pair.endow('alice', 500_000n);
  const { warning_anchor_reserve: warning } = await fund('all');
  expect(warning).toMatch(/^0 sat in the wallet, 25000 sat are needed there/);
  await pair.mine();
  expect(await coins('alice')).toEqual([]);
  expect((await bob.call('getinfo', {})).warning_anchor_reserve).toMatch(
    /a peer that stops responding could keep HTLCs that are ours/,
  );
  expect(pair.logs.bob.join('\n')).toContain('a peer that stops responding could keep HTLCs that are ours');
});

test('channels that peers only ask for freeze nothing: they count once their funding is in the chain', async () => {
  const { pair, bob, fund } = await started();
  await pair.endow('alice', 300_000n);
  await pair.endow('bob', 30_000n);
  await fund(100_000n);
  // Its funding is not mined: all of the payee's coins are still its own.
  await bob.call('withdraw', { destination: elsewhere, satoshi: 'all' });
  expect((await bob.call('getinfo', {})).warning_anchor_reserve).toBeUndefined();
  await pair.mine();
  expect((await bob.call('getinfo', {})).warning_anchor_reserve).toBeDefined();
});

test('two channels that are opened at once do not count on the same coins for their reserve', async () => {
  const { pair, fund } = await started({ 'anchor-reserve': '25000', 'anchor-reserve-most': '50000' });
  await pair.endow('alice', 100_000n, 100_000n, 15_000n);
  await pair.endow('bob', 100_000n);
  const results = await Promise.allSettled([fund(80_000n), fund(80_000n)]);
  expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const refused = results.find((one) => one.status === 'rejected');
  expect(String(refused?.reason)).toContain('where 50000 sat are kept');
  // Once it is refused, it counts no more.
  await pair.endow('alice', 100_000n);
  await fund(80_000n);
});
