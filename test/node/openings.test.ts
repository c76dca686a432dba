/** Openings from the first message to the chain and back, on whole nodes: what is forgotten, what is kept, what is bounded. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { staticRecord } from '../../channel/model/records.ts';
import { COINBASE_MATURITY } from '../../channel/rules/lockin.ts';
import { channelIdOf } from '../../channel/tx/funding.ts';
import { rememberedBlocks } from '../../node/chain/followrules.ts';
import { outpointKey } from '../../node/chain/watchrules.ts';
import { networkOf } from '../../node/ports/network.ts';
import { levelStore } from '../../node/store/level.ts';
import { scriptOfAddress } from '../../node/wallet/address.ts';
import { buildSigned } from '../../node/wallet/build.ts';
import { equal, hex, text, unhex } from '../../wire/bytes.ts';
import { decode, encode } from '../../wire/codec.ts';
import { msat, sat } from '../../wire/units.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../support/inprocess.ts';
import { becomes, kept, reaches, stateOf } from '../support/observed.ts';
import { memoryLog } from '../support/peers.ts';
import { stranger } from '../support/stranger.ts';

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
const logs = { alice: [] as string[], bob: [] as string[] };

const start = (name: 'alice' | 'bob'): Promise<LocalNode> =>
  startLocal({ dir: join(dir, name), ground, log: memoryLog(logs[name]) });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-openings-'));
  ground = await newGround();
  // So many that a channel can be older than the fundee's patience.
  mineOnly(2016);
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
  await endow(ground, alice, Array(20).fill(1_000_000n));
  await endow(ground, bob, Array(4).fill(1_000_000n));
  await caughtUp();
});
afterAll(async () => {
  await Promise.all([alice.stop(), bob.stop()]);
  await rm(dir, { recursive: true, force: true });
});

const portOf = ({ node }: LocalNode): number => node.peers.address?.port ?? 0;
const connect = () => alice.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
const address = () => ({ id: bob.node.keys.nodeId, port: portOf(bob) });
const away = () => scriptOfAddress(ground.faucet.address, networkOf('regtest'));
const mineOnly = (blocks: number, ...transactions: readonly Uint8Array[]): void =>
  void ground.regtest.mine(blocks, away(), { only: transactions });

const seesTip = ({ node }: LocalNode): boolean => node.follower.top.hash === ground.regtest.ledger.tip.hash;
const caughtUp = () => becomes('both at the tip', () => seesTip(alice) && seesTip(bob));

test('both open at once, one with a gift: two channels, and the gift is there', async () => {
  await connect();
  const [there, back] = await Promise.all([
    alice.call('fundchannel', { id: bob.id, amount: 500_000, push_msat: 123_456_000, announce: false }),
    bob.call('fundchannel', { id: alice.id, amount: 400_000, announce: false }),
  ]);
  ground.mine(1);
  for (const node of [alice, bob])
    for (const { channel_id } of [there, back]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  const { channels } = await bob.call('listpeerchannels', { channel_id: there.channel_id });
  expect(channels[0]).toMatchObject({ to_us_msat: 123_456_000n, funding: { pushed_msat: 123_456_000n } });
});

/** Has bob, who is not running, believe that a channel of his was begun that many blocks earlier. */
const age = async (channel: string, blocks: number): Promise<void> => {
  const store = await levelStore(join(dir, 'bob', 'regtest', 'store'));
  for await (const [key, value] of store.entries('channel/')) {
    if (!key.endsWith('/static')) continue;
    const { params, funding } = decode(staticRecord, value);
    if (hex(channelIdOf(funding)) !== channel) continue;
    const older = { params: { ...params, since: params.since - blocks }, funding };
    await store.commit([{ key, value: encode(staticRecord, older) }]);
  }
  await store.close();
};

test('a fundee forgets a funding that does not confirm in two weeks; its funder, told so, closes it when it does', async () => {
  await connect();
  const before = { channels: await kept(bob, 'channel/'), watches: await kept(bob, 'chain/watch/') };
  const { channel_id } = await alice.call('fundchannel', { id: bob.id, amount: 300_000, announce: false });
  await reaches(bob, channel_id, 'CHANNELD_AWAITING_LOCKIN');
  expect((await kept(bob, 'channel/')).length).toBeGreaterThan(before.channels.length);
  await Promise.all([alice.stop(), bob.stop()]);
  await age(channel_id, 2016 + COINBASE_MATURITY - 1);
  bob = await start('bob');
  await becomes('bob at the tip', () => seesTip(bob));
  expect(await stateOf(bob, channel_id)).toBe('CHANNELD_AWAITING_LOCKIN');
  mineOnly(1);
  await reaches(bob, channel_id, 'none');
  await becomes('no watch left', async () => (await kept(bob, 'chain/watch/')).length === before.watches.length);
  expect(await kept(bob, 'channel/')).toEqual(before.channels);

  alice = await start('alice');
  await connect();
  await reaches(alice, channel_id, 'AWAITING_UNILATERAL');
  ground.mine(1);
  await caughtUp();
  ground.mine(1);
  await reaches(alice, channel_id, 'ONCHAIN');
});

test('what a forgotten channel would have given its fundee comes all the same, should its funding confirm after all', async () => {
  await connect();
  const { channel_id } = await alice.call('fundchannel', {
    id: bob.id,
    amount: 300_000,
    push_msat: 50_000_000,
    announce: false,
  });
  await reaches(bob, channel_id, 'CHANNELD_AWAITING_LOCKIN');
  await Promise.all([alice.stop(), bob.stop()]);
  await age(channel_id, 2016 + COINBASE_MATURITY - 1);
  bob = await start('bob');
  mineOnly(1);
  await reaches(bob, channel_id, 'none');
  await becomes('the gift kept', async () => (await kept(bob, 'gift/')).length === 1);
  // Its own process forgets nothing either.
  await bob.stop();
  bob = await start('bob');
  const before = bob.node.wallet.spendable(1);

  alice = await start('alice');
  await connect();
  await reaches(alice, channel_id, 'AWAITING_UNILATERAL');
  await becomes('the gift in the wallet', async () => {
    ground.mine(1);
    await caughtUp();
    return bob.node.wallet.spendable(1) > before;
  });
  const got = bob.node.wallet.spendable(1) - before;
  expect(got).toBeLessThan(50_000n);
  expect(got).toBeGreaterThan(48_000n);
  expect(await kept(bob, 'gift/')).toEqual([]);
  expect(await kept(bob, 'chain/watch/gift/')).toEqual([]);
});

test('a funding whose coins another transaction took is given up a hundred blocks later, and the coins are still counted', async () => {
  await connect();
  const { keys, wallet } = alice.node;
  const before = wallet.spendable(1);
  const { channel_id, tx } = await alice.call('fundchannel', { id: bob.id, amount: 250_000, announce: false });
  const taken = Transaction.fromHex(tx).ins.map((input) => outpointKey(input.hash, input.index));
  const coins = wallet.funds().filter(({ key }) => taken.includes(key));
  const sum = coins.reduce((total, { amount }) => total + amount, 0n);
  const script = keys.script({ branch: 0, index: 0 });
  const rival = buildSigned(coins, [{ script, amount: sat(sum - 5_000n) }], keys);

  mineOnly(1, new Uint8Array(rival.tx.toBuffer()));
  mineOnly(98);
  await caughtUp();
  expect(await stateOf(alice, channel_id)).toBe('CHANNELD_AWAITING_LOCKIN');
  const [{ status } = {}] = (await alice.call('listpeerchannels', { channel_id })).channels;
  expect(status?.[0]).toMatch(/lost its coins to [0-9a-f]{64} in block \d+, 99 deep/);
  mineOnly(1);
  await reaches(alice, channel_id, 'none');
  await becomes('the coins spendable again', () => wallet.spendable(1) === before - 5_000n);
  expect(logs.alice.some((line) => line.includes('its funding transaction was double-spent'))).toBe(true);
  // Told so while connected, the fundee fails the channel; it goes with its two weeks.
  await reaches(bob, channel_id, 'AWAITING_UNILATERAL');
});

test('a funding whose coins a reorg took is no money any more, but its channel waits for them, and opens once they are back', async () => {
  const lines: string[] = [];
  const begin = () => startLocal({ dir: join(dir, 'carol'), ground, log: memoryLog(lines) });
  let carol = await begin();
  try {
    await caughtUp();
    const { height } = ground.regtest.ledger.tip;
    await endow(ground, carol, [1_000_000n]);
    const deposited = ground.regtest.ledger.tip.transactions.slice(1).map(({ tx }) => new Uint8Array(tx.toBuffer()));
    await carol.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
    const { channel_id, tx } = await carol.call('fundchannel', { id: bob.id, amount: 250_000, announce: false });
    ground.regtest.drop(ground.regtest.ledger.tip.height - height);
    ground.regtest.pool.clear();
    for (const blocks of [rememberedBlocks, rememberedBlocks + 1]) {
      mineOnly(blocks);
      await becomes('the tip seen', () => seesTip(carol));
      await carol.stop();
      carol = await begin();
      expect(await stateOf(carol, channel_id)).toBe('CHANNELD_AWAITING_LOCKIN');
      const [{ status } = {}] = (await carol.call('listpeerchannels', { channel_id })).channels;
      expect(status?.[0]).toMatch(/lost its coins to a reorganization .* the channel is kept/);
      expect(carol.node.wallet.funds()).toEqual([]);
      mineOnly(3);
      await becomes('the tip seen', () => seesTip(carol));
    }
    // Once by each of the three processes at most.
    expect(lines.filter((line) => line.includes('is given up: a reorganization')).length).toBeLessThanOrEqual(3);
    await carol.call('connect', { id: bob.id, host: '127.0.0.1', port: portOf(bob) });
    for (const tx of deposited) ground.regtest.send(tx);
    mineOnly(1);
    const funding = hex(new Uint8Array(Transaction.fromHex(tx).getHash()));
    await becomes('the funding broadcast again', () => ground.regtest.pool.get(funding) !== undefined);
    await becomes('its change counted again', () => carol.node.wallet.funds().length === 1);
    ground.mine(1);
    for (const node of [carol, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  } finally {
    await carol.stop();
  }
});

test('a funding whose coins another transaction took comes back with the reorg that takes that one out', async () => {
  await connect();
  const { keys, wallet } = alice.node;
  const { channel_id, tx } = await alice.call('fundchannel', { id: bob.id, amount: 250_000, announce: false });
  const taken = Transaction.fromHex(tx).ins.map((input) => outpointKey(input.hash, input.index));
  const coins = wallet.funds().filter(({ key }) => taken.includes(key));
  const sum = coins.reduce((total, { amount }) => total + amount, 0n);
  const rival = buildSigned(coins, [{ script: keys.script({ branch: 0, index: 0 }), amount: sat(sum - 5_000n) }], keys);
  mineOnly(1, new Uint8Array(rival.tx.toBuffer()));
  mineOnly(19);
  await caughtUp();
  expect(await stateOf(alice, channel_id)).toBe('CHANNELD_AWAITING_LOCKIN');
  ground.regtest.drop(20);
  mineOnly(1, unhex(tx));
  mineOnly(20);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
});

test('a reorg that takes a funding out stops the channel, and the block that has it again brings it back', async () => {
  await connect();
  const { channel_id } = await alice.call('fundchannel', {
    id: bob.id,
    amount: 700_000,
    push_msat: 1_000_000,
    announce: false,
  });
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  const scid = async (node: LocalNode) =>
    (await node.call('listpeerchannels', { channel_id })).channels[0]?.short_channel_id;
  const first = await scid(alice);

  ground.regtest.drop(1);
  mineOnly(2);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_AWAITING_LOCKIN');
  ground.mine(1);
  for (const node of [alice, bob]) await reaches(node, channel_id, 'CHANNELD_NORMAL');
  expect(await scid(alice)).not.toBe(first);
  expect(await scid(alice)).toBe(await scid(bob));
  const paid = await alice.call('keysend', { destination: bob.id, amount_msat: 5_000_000, scheme: 'fixed' });
  expect(paid.status).toBe('complete');
});

describe('a funding output', () => {
  /** A transaction that pays some script from the faucet, in block with one confirmation; its id and the paying output. */
  const paid = async (script: Uint8Array, amount: bigint) => {
    const id = ground.faucet.give([{ script, amount: sat(amount) }]);
    ground.mine(1);
    await caughtUp();
    const { tx } = ground.regtest.ledger.tip.transactions.find((one) =>
      one.txid.every((byte, i) => byte === id[i]),
    ) ?? { tx: new Transaction() };
    return { txid: id, index: tx.outs.findIndex((out) => equal(out.script, script)) };
  };
  const other = Uint8Array.of(0, 32, ...new Uint8Array(32).fill(3));
  const cases: readonly (readonly [
    claim: string,
    amount: bigint,
    script: Uint8Array | undefined,
    off: number,
    held: boolean,
  ])[] = [
    ['as agreed is waited for and used', 100_000n, undefined, 0, true],
    ['of another amount ends the channel', 99_999n, undefined, 0, false],
    ['of another script ends the channel', 100_000n, other, 0, false],
    ['that its transaction does not have ends the channel', 100_000n, undefined, 7, false],
  ];
  test.each(cases)('%s', async (_, amount, script, off, held) => {
    const who = await stranger(9000 + (Number(amount) % 100) + off + (script?.length ?? 0), address());
    const accepted = await who.open();
    if (typeof accepted === 'string') throw new Error(accepted);
    const { txid: id, index } = await paid(script ?? accepted.script, amount);
    const before = bob.node.channels.entries.size;
    expect(await accepted.fund({ txid: id, index: index + off })).toBe('signed');
    if (held) {
      await becomes('channel_ready', () => who.heard.some(({ name }) => name === 'channel_ready'));
      expect(bob.node.channels.entries.size).toBe(before);
    } else {
      await becomes('the channel is gone', () => bob.node.channels.entries.size === before - 1);
      await becomes('the peer is told', () => who.heard.some(({ name }) => name === 'error'));
      const error = who.heard.find(({ name }) => name === 'error');
      expect(error?.name === 'error' && text(error.data)).toBe('wrong_funding_output');
    }
    await who.leave();
  });
});

test('a gift is refused where it leaves the funder too little', async () => {
  await connect();
  const all = alice.call('fundchannel', {
    id: bob.id,
    amount: 100_000,
    push_msat: msat(100_000_000n),
    announce: false,
  });
  await expect(all).rejects.toThrow('push_msat');
});

describe('a fundee with default settings refuses', () => {
  test('a channel without anchors of a peer that knows them, and says so to whoever asked for it', async () => {
    await connect();
    const asked = alice.call('fundchannel', { id: bob.id, amount: 200_000, announce: false, channel_type: [12] });
    await expect(asked).rejects.toThrow(
      'field channel_type, got 1000, expected one of anchors_zero_fee_htlc_tx, anchors_zero_fee_htlc_tx with option_scid_alias',
    );
  });

  test('a channel most of which its opener puts into fees', async () => {
    const who = await stranger(9400, address());
    // Ten times what a regtest without estimates is taken to ask would be within the bounds; but not of so small a channel.
    expect(await who.open({ amount: sat(100_000n), feerate: 80_000 })).toContain('field feerate_per_kw, got 80000');
    expect(typeof (await who.open({ amount: sat(100_000n), feerate: 9_000 }))).toBe('object');
    await who.leave();
  });
});
