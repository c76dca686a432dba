/** `ampere/node`: a program starts a chain and two nodes, opens a channel between them, and pays. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CallError, type Experiments, loadConfig, type RunningNode, runNode, startChain } from 'ampere/node';
import { sat } from 'ampere/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';

const dir = await mkdtemp(join(tmpdir(), 'ampere-example-'));
// A chain in this process, served as bitcoind would; where there is a bitcoind, its URL and cookie go into the options below.
const chain = await startChain();

/** A node with the options of `ampere start`, by name. Experiments are what this program adds to it. */
const start = async (name: string, experiments: Experiments = {}): Promise<RunningNode> => {
  const flags = { dir: join(dir, name), listen: '127.0.0.1:0', api: 'off', bitcoind: chain.url, 'log-level': 'silent' };
  const running = await runNode(loadConfig({ flags, env: {}, read: () => undefined }), experiments);
  await running.ready;
  return running;
};

/** Asks until there is an answer, ten seconds at most. */
const until = async <T>(ask: () => Promise<T | undefined>): Promise<T> => {
  for (let times = 0; times < 200; times++) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not come to this in ten seconds');
};

let alice: RunningNode;
let bob: RunningNode;
beforeAll(async () => {
  [alice, bob] = await Promise.all([start('alice'), start('bob')]);
});
afterAll(async () => {
  await Promise.all([alice?.stop(), bob?.stop()]);
  await chain.stop();
  await rm(dir, { recursive: true });
});

test('two nodes in one program open a channel and pay through it', async () => {
  // Methods, parameters and results have types: a misspelt one does not compile.
  const { id, binding } = await bob.call('getinfo');
  const { bech32 } = await alice.call('newaddr');
  if (bech32 === undefined) throw new Error('the address should be a bech32 one');

  // Coins for alice, then a channel. Both nodes follow the chain by themselves.
  chain.pay(bech32, sat(2_000_000n));
  await alice.call('waitblockheight', { blockheight: chain.mine() });
  await alice.call('connect', { id, host: '127.0.0.1', port: binding[0]?.port });
  const { channel_id } = await alice.call('fundchannel', { id, amount: 1_000_000n });
  chain.mine(1);
  await until(async () => {
    const { channels } = await alice.call('listpeerchannels', { channel_id });
    return channels.find(({ state }) => state === 'CHANNELD_NORMAL');
  });

  // An invoice, paid. Amounts are bigints of millisatoshi.
  const { bolt11, payment_hash } = await bob.call('invoice', {
    ...{ amount_msat: 50_000_000n, label: 'coffee', description: 'a coffee' },
  });
  const paid = await alice.call('pay', { bolt11 });
  expect(paid).toMatchObject({ status: 'complete', payment_hash, amount_msat: 50_000_000n });

  // What a node refuses is an error with a code and a name.
  const again = bob.call('invoice', { amount_msat: 1_000n, label: 'coffee', description: 'the label is taken' });
  await expect(again).rejects.toBeInstanceOf(CallError);
});
