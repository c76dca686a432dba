/** Channels given up with HTLCs in flight each way: everything is swept to the last output, and every satoshi accounted for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { type Ending, Endings } from '../support/ending.ts';
import { built } from '../support/regtest.ts';

type Name = 'alice' | 'bob';

let network: Network<Name>;
let endings: Endings<Name>;
beforeAll(async () => {
  built('node/main.js');
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] }, flags: ['--dev', '--allow-static-remotekey'] });
  console.log(`on ${network.chainVersion}`);
  endings = new Endings(network);
  const small = Array<bigint>(4).fill(60_000n);
  await network.fund({ alice: [...Array<bigint>(6).fill(1_010_000n), ...small], bob: small });
});
afterAll(() => network?.stop());

const capacity = 1_000_000n;
const pushed = 300_000n;
/** In satoshi: from alice, from bob. */
const amounts = { there: 50_000n, back: 40_000n } as const;
const types = { anchors: [12, 22], static_remotekey: [12] } as const;

/** A channel of alice's with an HTLC in flight each way. */
const busy = async (type: keyof typeof types) => {
  const { alice, bob } = network.nodes;
  const channel = await endings.open('alice', 'bob', capacity, pushed, types[type]);
  await endings.ignore(bob, alice, true);
  await endings.ignore(alice, bob, true);
  const there = await endings.pay(alice, bob, amounts.there * 1000n, { channel, peer: alice });
  const back = await endings.pay(bob, alice, amounts.back * 1000n, { channel, peer: bob });
  const wallets = { alice: await endings.wallet(alice), bob: await endings.wallet(bob) };
  return { channel, there, back, wallets };
};

/** Everybody has what is theirs, less what their own transactions cost; alice paid for the commitment. */
const expectShares = async (
  ending: Ending<Name>,
  claimed: { readonly there: boolean; readonly back: boolean },
  wallets: Readonly<Record<Name, bigint>>,
) => {
  const moved = (claimed.there ? amounts.there : 0n) - (claimed.back ? amounts.back : 0n);
  const { fees, gained, closingFee, litter, anchors } = ending;
  expect(ending.open).toEqual([]);
  expect(gained.bob).toBe(pushed + moved + anchors.bob - fees.bob);
  expect(gained.alice).toBe(capacity - pushed - moved - closingFee - litter - anchors.bob - fees.alice);
  for (const name of ['alice', 'bob'] as const) {
    const node = network.nodes[name];
    expect((await endings.wallet(node)) - wallets[name]).toBe(gained[name]);
    expect((await node.call('listfunds')).outputs.filter(({ reserved }) => reserved)).toEqual([]);
  }
};

describe.each<readonly [closer: Name, type: keyof typeof types, there: boolean, back: boolean]>([
  ['alice', 'anchors', true, true],
  ['alice', 'static_remotekey', false, false],
  ['bob', 'static_remotekey', true, false],
  ['bob', 'anchors', false, true],
])('%s gives up a channel (%s)', (closer, type, there, back) => {
  const words = (claimed: boolean) => (claimed ? 'claimed with its preimage' : 'timed out');
  test(`${closer} force-closes a channel (${type}) with an outgoing HTLC that is ${words(there)} and an incoming one that is ${words(back)}`, async () => {
    const { alice, bob } = network.nodes;
    const { channel, wallets, ...payments } = await busy(type);
    const txid = await endings.forceClose(network.nodes[closer], channel.id);
    await network.mine(1);
    for (const node of [alice, bob]) await endings.reaches(node, channel.id, 'ONCHAIN');
    if (there) await endings.ignore(bob, alice, false);
    if (back) await endings.ignore(alice, bob, false);
    // The claim in the mempool tells the payer; blocks that came before it could run on to the expiry.
    if (there) expect(await endings.outcome(payments.there)).toBe('complete');
    if (back) expect(await endings.outcome(payments.back)).toBe('complete');
    const ending = await endings.sweep(channel);
    expect(ending.txs[0]?.getId()).toBe(txid);
    expect(await endings.outcome(payments.there)).toBe(there ? 'complete' : 'failed');
    expect(await endings.outcome(payments.back)).toBe(back ? 'complete' : 'failed');
    await expectShares(ending, { there, back }, wallets);
  });
});

test('a force-close ends well with either node killed after every few blocks, and a hundred blocks later both have forgotten the channel', async () => {
  const { alice, bob } = network.nodes;
  const { channel, wallets, there, back } = await busy('anchors');
  await endings.forceClose(alice, channel.id);
  let turn = 0;
  /** kill -9 of one of them, and a new process on what it kept. */
  const cut = async () => {
    const node = [alice, bob][turn++ % 2] ?? alice;
    await node.kill();
    await node.start();
  };
  await cut();
  await cut();
  await network.mine(1);
  await cut();
  await cut();
  // Who comes back takes up the HTLCs that were left alone, and claims them on the chain.
  const ending = await endings.sweep(channel, { step: 24, between: cut });
  expect(await endings.outcome(there)).toBe('complete');
  expect(await endings.outcome(back)).toBe('complete');
  await expectShares(ending, { there: true, back: true }, wallets);
  await network.mine(100);
  for (const node of [alice, bob]) expect(await endings.channel(node, channel.id)).toBeUndefined();
});
