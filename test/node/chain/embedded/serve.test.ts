/** The embedded chain over HTTP, asked by the adapter that asks bitcoind, and kept over restarts. */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../../../node/base/entropy.ts';
import { bitcoindChain } from '../../../../node/chain/bitcoind.ts';
import { openRpc, type Rpc } from '../../../../node/chain/rpc.ts';
import { networkOf } from '../../../../node/ports/network.ts';
import type { Chain } from '../../../../node/ports/ports.ts';
import { keepJournal } from '../../../../node/regtest/chain/journal.ts';
import { openRegtest, type Regtest } from '../../../../node/regtest/chain/regtest.ts';
import { type Served, serveChain } from '../../../../node/regtest/chain/serve.ts';
import { addressOfScript } from '../../../../node/wallet/address.ts';
import { hex } from '../../../../wire/bytes.ts';
import { chainSuite } from '../../../ports/chain.ts';
import { type CallableRules, maxFeeSuite } from '../../../ports/maxfee.ts';
import { packageSuite } from '../../../ports/package.ts';
import { relaySuite } from '../../../ports/relay.ts';
import { keptLog } from '../../../support/quiet.ts';
import { elsewhere, keyring, rawOf } from '../../../support/spend.ts';

const user = 'somebody';
const password = 'a : in it';
let served: Served;
let rpc: Rpc;
let chain: Chain;
let stopped = 0;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ampere-served-'));
  const regtest = await openRegtest(systemClock);
  const options = { regtest, clock: systemClock, host: '127.0.0.1', port: 0, logins: [`${user}:${password}`] };
  served = await serveChain({ ...options, stop: () => void stopped++ });
  const where = { host: served.host, port: served.port, auth: { user, password } };
  rpc = openRpc(where);
  chain = bitcoindChain({ ...where, log: keptLog(), clock: systemClock });
});
afterAll(async () => {
  rpc.close();
  await chain.close();
  await served.close();
  await rm(folder, { recursive: true, force: true });
});

const call = (method: string, ...params: readonly unknown[]): Promise<unknown> => rpc.call(method, params, z.unknown());
const under = (): CallableRules => ({
  chain,
  mine: (blocks, address) => rpc.call('generatetoaddress', [blocks, address], z.array(z.string())),
  mineOnly: async (transactions, address) =>
    (await rpc.call('generateblock', [address, transactions.map(hex)], z.object({ hash: z.string() }))).hash,
  invalidate: async (hash) => void (await call('invalidateblock', hash)),
  call,
});

maxFeeSuite('embedded chain, served', 'max fee suite', under);
chainSuite('embedded chain, served', 'chain suite', under);
relaySuite('embedded chain, served', 'relay suite', under);
packageSuite('embedded chain, served', 'package suite', under);

describe('what a lab asks', () => {
  test('a faucet gives many coins in one transaction, and a block shows what it paid', async () => {
    await call('createwallet', 'faucet');
    const address = z.string().parse(await call('getnewaddress'));
    await under().mine(101, address);
    const to = ['one', 'two', 'three'].map((seed) => addressOfScript(keyring(seed).script, networkOf('regtest')) ?? '');
    const txid = z.string().parse(await call('sendmany', '', Object.fromEntries(to.map((one) => [one, '0.01050000']))));
    expect(await call('getrawmempool')).toEqual([txid]);
    const entry = z.object({ fees: z.object({ base: z.string() }) }).parse(await call('getmempoolentry', txid));
    const [hash = ''] = await under().mine(1, address);
    const shape = z.object({ tx: z.array(z.object({ txid: z.string(), fee: z.string().optional() })) });
    const { tx } = shape.parse(await call('getblock', hash, 2));
    expect(tx.map((one) => one.fee)).toEqual([undefined, entry.fees.base]);
    const outputs = await Promise.all([0, 1, 2, 3].map((vout) => call('gettxout', txid, vout)));
    const given = outputs.map((output) => z.object({ scriptPubKey: z.object({ address: z.string() }) }).parse(output));
    expect(given.map(({ scriptPubKey }) => scriptPubKey.address).sort()).toEqual([...to, address].sort());
  });

  test('more than the faucet has is refused with a reason', async () => {
    const address = await call('getnewaddress');
    await expect(call('sendtoaddress', address, 20_000_000)).rejects.toMatchObject({
      fault: { code: 'refused', rpcCode: -6 },
    });
  });

  test('a branch that was invalid is taken up again when it is reconsidered', async () => {
    const address = await call('getnewaddress');
    const [first = '', second = ''] = await under().mine(2, String(address));
    await call('invalidateblock', first);
    await under().mine(1, String(address));
    expect(await call('getbestblockhash')).not.toBe(second);
    await call('reconsiderblock', first);
    expect(await call('getbestblockhash')).toBe(second);
  });

  const rows: readonly (readonly [string, readonly unknown[], number])[] = [
    ['nosuchmethod', [], -32601],
    ['toString', [], -32601],
    ['getblockhash', [10_000_000], -8],
    ['getblockhash', ['one'], -8],
    ['getblock', ['00'.repeat(32)], -5],
    ['getblockheader', ['no hash'], -8],
    ['getrawtransaction', ['00'.repeat(32)], -5],
    ['sendrawtransaction', ['00'], -22],
    ['sendrawtransaction', ['zz'], -8],
    ['testmempoolaccept', [['00']], -22],
    ['testmempoolaccept', ['00'], -8],
    ['generatetoaddress', [1, 'nowhere'], -5],
    ['generateblock', ['nowhere', []], -5],
    ['gettxspendingprevout', [[null]], -8],
    ['sendmany', ['', null], -8],
  ];
  test.each(rows)('%s %j is answered with bitcoind’s code %i', async (method, params, rpcCode) => {
    await expect(call(method, ...params)).rejects.toMatchObject({ fault: { code: 'refused', rpcCode } });
  });

  test('a wrong password opens nothing', async () => {
    const wrong = openRpc({ host: served.host, port: served.port, auth: { user, password: 'guessed' } });
    await expect(wrong.call('getblockcount', [], z.number())).rejects.toMatchObject({
      fault: { code: 'unauthorized' },
    });
    wrong.close();
  });

  test('stop is answered before it is done', async () => {
    expect(await call('stop')).toMatch(/stopping/);
    await expect.poll(() => stopped).toBe(1);
  });

  test('a port that is taken is an error that says so', async () => {
    const regtest = await openRegtest(systemClock);
    const again = serveChain({
      regtest,
      clock: systemClock,
      host: served.host,
      port: served.port,
      logins: [],
      stop() {},
    });
    await expect(again).rejects.toThrow(`127.0.0.1:${served.port} is taken: choose another with --port`);
  });
});

describe('the journal', () => {
  const opened = async (path: string): Promise<Regtest> => {
    const regtest = await openRegtest(systemClock);
    keepJournal(regtest, path);
    return regtest;
  };
  const keys = keyring('journal');
  const standing = ({ ledger, pool }: Regtest) => ({
    tip: ledger.tip.hash,
    coins: [...ledger.coins.keys()].sort(),
    waiting: pool.entries().map(({ id }) => id),
  });

  test('a chain comes back as it was: its branch, its coins, and what waits', async () => {
    const path = join(folder, 'whole');
    const before = await opened(path);
    before.mine(1, keys.script);
    before.mine(101, elsewhere);
    const reward = before.ledger.at(1)?.transactions[0];
    if (reward === undefined) throw new Error('no coinbase');
    const tx = keys.give([keys.coinOf(reward.tx, 0)], 10_000n, keys.script);
    before.send(rawOf(tx));
    before.drop(1);
    before.mine(3, elsewhere, { only: [] });
    before.send(rawOf(keys.give([keys.coinOf(tx, 0)], 10_000n)));
    // A pair that replaces what waits, which its parent alone could not.
    const poor = keys.give([keys.coinOf(tx, 0)], 5_000n, keys.script);
    before.sendPair(rawOf(poor), rawOf(keys.give([keys.coinOf(poor, 0)], 50_000n)));
    const after = await opened(path);
    expect(standing(after)).toEqual(standing(before));
    expect(after.pool.entries()).toHaveLength(3);
    after.mine(1, elsewhere);
    expect(standing(await opened(path))).toEqual(standing(after));
  });

  test('a line cut short counts as never written; one that makes no sense is an error', async () => {
    const path = join(folder, 'cut');
    const before = await opened(path);
    before.mine(2, elsewhere);
    await appendFile(path, 'block 0123');
    expect(standing(await opened(path))).toEqual(standing(before));
    await writeFile(path, 'block 0123\n');
    await expect(opened(path)).rejects.toMatchObject({ fault: { code: 'bad_journal', line: 1 } });
  });

  test('a file that is none is left as it is', async () => {
    const path = join(folder, 'notes');
    for (const text of ['Notes of mine, in one line', 'two\nlines', 'sentences']) {
      await writeFile(path, text);
      await expect(opened(path)).rejects.toMatchObject({ fault: { code: 'bad_journal' } });
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });
});
