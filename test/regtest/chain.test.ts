/** The chain adapter, the follower and the wallet on a real bitcoind: reorgs, and bitcoind going away and coming back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';
import { bitcoindChain } from '../../node/chain/bitcoind.ts';
import { Follower } from '../../node/chain/follower.ts';
import type { RpcAuth } from '../../node/chain/rpc.ts';
import { networkOf } from '../../node/ports/network.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import type { FoundBitcoind } from '../../node/regtest/demo/find.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { addressOfScript } from '../../node/wallet/address.ts';
import { keysOf } from '../../node/wallet/keys.ts';
import { Refusals } from '../../node/wallet/refusals.ts';
import { rebroadcast, sendTo } from '../../node/wallet/send.ts';
import type { Fund } from '../../node/wallet/view.ts';
import { Wallet } from '../../node/wallet/wallet.ts';
import { utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto.ts';
import { sat } from '../../wire/units.ts';
import { chainSuite } from '../ports/chain.ts';
import { keptLog } from '../support/quiet.ts';

const network = networkOf('regtest');
const foreign = Uint8Array.of(0, 20, ...new Uint8Array(20).fill(9));
const foreignAddress = addressOfScript(foreign, network) ?? '';
const otherAddress = addressOfScript(Uint8Array.from(foreign).fill(8, 2), network) ?? '';

let found: FoundBitcoind;
let folder = '';
let node: RunningBitcoind;
const chains: Chain[] = [];

const connect = (auth: RpcAuth = node, log = keptLog()): Chain => {
  const chain = bitcoindChain({ host: node.host, port: node.port, auth, log, clock: systemClock });
  chains.push(chain);
  return chain;
};

beforeAll(async () => {
  found = await findChain();
  folder = await mkdtemp(join(tmpdir(), 'ampere-regtest-'));
  node = await startBitcoind({ dir: join(folder, 'bitcoind'), ...found });
});
afterAll(async () => {
  for (const chain of chains) await chain.close();
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

let shared: Chain | undefined;
chainSuite('chain on bitcoind', 'chain suite', () => {
  shared ??= connect();
  return {
    chain: shared,
    mine: (blocks, address) => node.mine(blocks, address),
    invalidate: async (hash) => void (await node.call('invalidateblock', hash)),
  };
});

/** A wallet that follows the chain from its first block on. */
const follow = async (seed: string, records = new Map<string, Uint8Array>(), chain = connect()) => {
  const store = memoryStore(records);
  const wallet = await Wallet.open({ store, keys: keysOf(sha256(utf8(seed)), 1), network });
  const log = keptLog();
  const follower = new Follower({ chain, store, clock: systemClock, log, birth: 0, listeners: [wallet] });
  const failures: unknown[] = [];
  await follower.start((error) => void failures.push(error));
  const caughtUp = async (): Promise<void> => {
    for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
      expect(failures).toEqual([]);
      const tip = await chain.tip().catch(() => undefined);
      if (tip?.hash === follower.top.hash) return;
    }
    throw new Error('the follower does not catch up');
  };
  return { wallet, follower, chain, log, caughtUp };
};

describe('following bitcoind', () => {
  test('the wallet finds coins, spends them and sees the spend confirmed on bitcoind', async () => {
    const { wallet, follower, chain, caughtUp } = await follow('spend');
    const { address } = await wallet.newAddress();
    await node.mine(1, address);
    await node.mine(100, foreignAddress);
    await caughtUp();
    const [reward] = wallet.funds();
    expect(reward).toMatchObject({ status: 'confirmed' });
    const before = wallet.spendable();
    await sendTo(wallet, chain, { script: foreign, amount: sat(100_000n), feerate: 1000 });
    expect(wallet.funds().map(({ status }) => status)).toEqual(['spent', 'unconfirmed']);
    const { tx } = await sendTo(wallet, chain, { script: foreign, amount: sat(100_000n), feerate: 1000 });
    await node.mine(1, foreignAddress);
    await caughtUp();
    expect(wallet.pending()).toEqual([]);
    expect(wallet.funds().map(({ status }) => status)).toEqual(['spent', 'spent', 'confirmed']);
    expect(before - wallet.spendable()).toBeGreaterThan(200_000n + BigInt(tx.weight()));
    await follower.stop();
  });

  test('a reorg on bitcoind undoes what was in its blocks, and a payment of the wallet confirms again', async () => {
    const { wallet, follower, chain, caughtUp } = await follow('reorg');
    const { address } = await wallet.newAddress();
    await node.mine(1, address);
    await node.mine(100, foreignAddress);
    await caughtUp();
    await sendTo(wallet, chain, { script: foreign, amount: sat(100_000n), feerate: 1000 });
    const [first = ''] = await node.mine(3, foreignAddress);
    await caughtUp();
    const settled = wallet.funds();
    const { height } = follower.top;
    await node.call('invalidateblock', first);
    await caughtUp();
    expect(follower.top.height).toBe(height - 3);
    expect(wallet.funds().map(({ status }) => status)).toEqual(['spent', 'unconfirmed']);
    expect(wallet.pending()).toHaveLength(1);
    await rebroadcast(wallet, chain, keptLog(), new Refusals());
    // To another address: the very same blocks would still count as invalid.
    await node.mine(4, otherAddress);
    await caughtUp();
    expect(wallet.funds()).toEqual(settled);
    const replayed = await follow('reorg');
    await replayed.wallet.newAddress();
    await replayed.caughtUp();
    expect(replayed.wallet.funds()).toEqual(settled);
    await replayed.follower.stop();
    await follower.stop();
  });

  test('a node waits for a bitcoind that was stopped or killed, logs that, and goes on once it is back', async () => {
    const records = new Map<string, Uint8Array>();
    const { wallet, follower, log, caughtUp } = await follow('restart', records);
    const { address } = await wallet.newAddress();
    await caughtUp();
    const { port, password } = node;
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await node.stop(signal);
      await new Promise((resolve) => setTimeout(resolve, 300));
      node = await startBitcoind({ dir: join(folder, 'bitcoind'), ...found, port, password });
      await node.mine(1, address);
      await caughtUp();
    }
    // A killed bitcoind may have lost its last block; what counts is that nothing else than its chain is believed.
    const replayed = await follow('restart');
    await replayed.wallet.newAddress();
    await replayed.caughtUp();
    expect(wallet.funds()).toEqual(replayed.wallet.funds());
    expect(wallet.funds().length).toBeGreaterThanOrEqual(1);
    await replayed.follower.stop();
    const said = (words: string) => log.lines.filter((line) => line.startsWith(words)).length;
    const each = () => [said('warn: no answer from bitcoind'), said('info: the chain answers again')];
    await expect.poll(each, { timeout: 30_000 }).toEqual([2, 2]);
    await follower.stop();
    const later = await follow('restart', records);
    const inOrder = (funds: readonly Fund[]) => [...funds].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(inOrder(later.wallet.funds())).toEqual(inOrder(wallet.funds()));
    await later.follower.stop();
  });
});

describe('credentials', () => {
  test('a node logs in at bitcoind with the cookie file', async () => {
    const chain = connect({ cookieFile: node.cookieFile });
    expect((await chain.tip()).height).toBeGreaterThan(0);
  });

  test('a wrong password for bitcoind is an error that says so', async () => {
    const chain = connect({ user: node.user, password: 'wrong' });
    await expect(chain.tip()).rejects.toThrow('does not accept our credentials: wrong user, password or cookie');
  });
});

describe('starting bitcoind', () => {
  test('what bitcoind says when it will not start is passed on', async () => {
    const dir = join(folder, 'refused');
    await expect(startBitcoind({ dir, ...found, args: ['--nosuchoption=1'] })).rejects.toThrow(/nosuchoption/);
  });

  test('starting a bitcoind program that does not exist is an error', async () => {
    await expect(startBitcoind({ dir: join(folder, 'none'), command: ['/nonexistent/bitcoind'] })).rejects.toThrow(
      'ENOENT',
    );
  });
});
