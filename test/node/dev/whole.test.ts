/** The switches for experiments on whole nodes: forced keys, HTLCs left alone, held saves, old commitments, and what a dump tells. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transaction } from 'bitcoinjs-lib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toJson } from '../../../node/api/rpc/json.ts';
import { until } from '../../../node/regtest/demo/wait.ts';
import { keysOf } from '../../../node/wallet/keys.ts';
import { hex, unhex } from '../../../wire/bytes.ts';
import { pointOf } from '../../../wire/crypto.ts';
import { secretKey } from '../../../wire/units.ts';
import { endow, type Ground, type LocalNode, newGround, startLocal } from '../../support/inprocess.ts';
import { keptLog } from '../../support/quiet.ts';

const privkey = `${'00'.repeat(31)}01`;
const seed = 'a5'.repeat(32);
const channelSecrets = ['10', '11', '12', '13', '14', 'ff'].map((byte) => byte.repeat(32));
const forced = { 'dev-force-privkey': privkey, 'dev-force-bip32-seed': seed };

let dir = '';
let ground: Ground;
let alice: LocalNode;
let bob: LocalNode;
const startAlice = (flags: Readonly<Record<string, string>>) =>
  startLocal({ dir: join(dir, 'alice'), ground, log: keptLog(), flags: { ...forced, ...flags } });
const channelOf = async (node: LocalNode) => (await node.call('listpeerchannels', {})).channels[0];
const connected = async () => {
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  for (const node of [alice, bob])
    await until('the channel to be in step', async () => {
      const channel = await channelOf(node);
      return channel?.state === 'CHANNELD_NORMAL' && channel.reestablished === true ? true : undefined;
    });
};
/** Pays an invoice of bob's; its preimage is known here. */
const pay = async (n: number) => {
  const preimage = hex(new Uint8Array(32).fill(n));
  const label = `bill ${n}`;
  const terms = { amount_msat: 50_000_000n, label, description: label, exposeprivatechannels: true, preimage };
  const { bolt11 } = await bob.call('invoice', terms);
  return { preimage, paying: alice.call('pay', { bolt11 }) };
};
const held = (node: LocalNode, count: number) =>
  until(`${count} HTLCs`, async () => ((await channelOf(node))?.htlcs.length === count ? true : undefined), {
    every: 5,
  });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ampere-dev-'));
  ground = await newGround();
  alice = await startAlice({ 'dev-force-channel-secrets': channelSecrets.join('/') });
  bob = await startLocal({ dir: join(dir, 'bob'), ground, log: keptLog() });
  await endow(ground, alice, [1_100_000n]);
  await until('coins', () => (alice.node.wallet.spendable(1) > 0n ? true : undefined));
  await alice.call('connect', { id: bob.id, host: '127.0.0.1', port: bob.node.peers.address?.port ?? 0 });
  await alice.call('fundchannel', { id: bob.id, amount: 1_000_000n, push_msat: 200_000_000n, announce: false });
  ground.mine(1);
  await connected();
});
afterAll(async () => {
  await Promise.all([alice, bob].map((node) => node?.stop()));
  await rm(dir, { recursive: true, force: true });
});

describe('forced keys', () => {
  test('are the node’s, and no seed is made', async () => {
    expect(alice.id).toBe(hex(pointOf(secretKey(unhex(privkey)))));
    expect(existsSync(join(dir, 'alice', 'regtest', 'seed'))).toBe(false);
    expect(existsSync(join(dir, 'bob', 'regtest', 'seed'))).toBe(true);
    const coins = keysOf(unhex(seed), 1);
    const ours = [0, 1].map((index) => hex(coins.script({ branch: 0, index })));
    const { outputs } = await alice.call('listfunds', { spent: true });
    expect(outputs.some(({ scriptpubkey }) => ours.includes(scriptpubkey))).toBe(true);
  });

  test('of a channel stay its own when the next start does not force them', async () => {
    await alice.stop();
    alice = await startAlice({});
    await connected();
    const { channels } = await alice.call('dev-dump-state', { secrets: true });
    const text = toJson(channels);
    for (const secret of channelSecrets) expect(text).toContain(secret);
    expect((await (await pay(1)).paying).status).toBe('complete');
  });
});

test('HTLCs of a peer are left alone until they no longer are', async () => {
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  const { paying } = await pay(2);
  await held(bob, 1);
  // Long after it could have been answered: another exchange has gone through meanwhile.
  await alice.call('dev-feerate', { id: bob.id, feerate: 3000 });
  await until('the feerate', async () => ((await channelOf(bob))?.feerate?.perkw === 3000 ? true : undefined));
  expect((await channelOf(bob))?.htlcs).toHaveLength(1);
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: false });
  expect((await paying).status).toBe('complete');
  await held(alice, 0);
});

test('while saves are held nothing that rests on them leaves the node', async () => {
  const point = 'channel/*/htlc/out/*';
  expect(await alice.call('dev-hold-saves', { point })).toEqual({ waiting: 0, armed: [`hold ${point}`] });
  const { paying } = await pay(3);
  await until('a held save', async () =>
    alice.call('dev-hold-saves', {}).then(({ waiting }) => (waiting > 0 ? true : undefined)),
  );
  await alice.call('dev-feerate', { id: bob.id, feerate: 2000 });
  // Bob was offered it; what he cannot have is the signature.
  expect((await channelOf(bob))?.htlcs).toEqual([]);
  expect(await alice.call('dev-release-saves', {})).toMatchObject({ armed: [] });
  expect((await paying).status).toBe('complete');
  await held(alice, 0);
});

test('a dump tells phases, records and payments, and no secret unless asked', async () => {
  const { preimage, paying } = await pay(4);
  await paying;
  const dump = await alice.call('dev-dump-state', { secrets: false });
  expect(dump.channels).toMatchObject([{ phase: 'open', peer: bob.id, broken: false, records: { forced: 192 } }]);
  expect(dump.payments.at(-1)).toMatchObject({ status: 'complete', amount: 50_000_000n });
  expect(dump.store).toMatchObject({ 'channel/*/head': 1, 'channel/*/static': 1 });
  const node = alice.node.channels.entries.values().next().value;
  const state = node?.machine.state;
  if (state === undefined || !('core' in state)) throw new Error('no channel');
  const secrets = [privkey, seed, preimage, hex(state.core.params.seed), ...channelSecrets];
  for (const secret of state.core.secrets) secrets.push(hex(secret.secret));
  expect(secrets.length).toBeGreaterThan(10);
  const text = toJson(dump);
  for (const secret of secrets) expect(text).not.toContain(secret);
});

test('an old commitment can be published, and what it cost is said of each transaction the chain refuses', async () => {
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: true });
  const { paying } = await pay(5);
  const then = await until('a commitment with the HTLC', async () => {
    const signed = await alice.call('dev-sign-last-tx', { id: bob.id });
    return signed.htlcs.length === 1 ? signed : undefined;
  });
  const { commitment_number: number } = await alice.call('dev-remember-commitment', { id: bob.id });
  expect(then).toMatchObject({ commitment_number: number, htlcs: [{ direction: 'out', amount_msat: 50_000_000n }] });
  await bob.call('dev-ignore-htlcs', { id: alice.id, ignore: false });
  await paying;
  await held(alice, 0);
  const now = await alice.call('dev-sign-last-tx', { id: bob.id });
  expect(now).toMatchObject({ htlcs: [] });
  expect(now.commitment_number).toBeGreaterThan(number);

  await expect(alice.call('dev-broadcast-commitment', { id: bob.id, number: number + 1000 })).rejects.toThrow(
    `commitment ${number + 1000} was not remembered: call dev-remember-commitment in time`,
  );
  const published = await alice.call('dev-broadcast-commitment', { id: bob.id, number, htlcs: true });
  expect(published).toMatchObject({ tx: then.tx, txid: then.txid });
  // With anchors what ends an HTLC pays no fee but what a coin adds, behind what the peer signed for.
  const [bare, paid] = [then, published].map(({ htlcs }) => Transaction.fromHex(htlcs[0]?.tx ?? ''));
  expect([paid?.ins.length, paid?.outs.length]).toEqual([2, 2]);
  expect([paid?.ins[0]?.hash, paid?.ins[0]?.index]).toEqual([bare?.ins[0]?.hash, bare?.ins[0]?.index]);
  expect(paid?.outs[0]).toEqual(bare?.outs[0]);
  // The HTLC-timeout transaction is not final yet.
  expect(published.refused.map(({ txid }) => txid)).toEqual([paid?.getId()]);
  ground.mine(1);
  const [funding] = Transaction.fromHex(then.tx).ins;
  await until('the chain to have it', async () => {
    const channel = await channelOf(bob);
    const spent = funding !== undefined && channel?.funding_txid === hex(Uint8Array.from(funding.hash).reverse());
    return spent && channel?.state !== 'CHANNELD_NORMAL' ? true : undefined;
  });
});
