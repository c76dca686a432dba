/** What a chain takes and what not, on a real bitcoind: the same suites that the embedded chain passes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../node/base/entropy.ts';
import { bitcoindChain } from '../../node/chain/bitcoind.ts';
import type { Chain } from '../../node/ports/ports.ts';
import { freePort, type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import { hex } from '../../wire/bytes.ts';
import { arrivalsSuite } from '../ports/arrivals.ts';
import { locksSuite } from '../ports/locks.ts';
import { type CallableRules, maxFeeSuite } from '../ports/maxfee.ts';
import { packageSuite } from '../ports/package.ts';
import { relaySuite } from '../ports/relay.ts';
import { keptLog } from '../support/quiet.ts';

/** The embedded chain's fees, which newer versions of bitcoind have lowered. */
const args = ['-minrelaytxfee=0.00001', '-incrementalrelayfee=0.00001', '-dustrelayfee=0.00003'];
/** The chain that plays bitcoind where there is none publishes nothing. */
let publishes = false;

let folder = '';
let node: RunningBitcoind;
let chain: Chain;
beforeAll(async () => {
  const found = await findChain();
  folder = await mkdtemp(join(tmpdir(), 'ampere-rules-'));
  publishes = found.source !== 'embedded';
  const more = publishes ? [...args, `-zmqpubrawtx=tcp://127.0.0.1:${await freePort()}`] : [];
  node = await startBitcoind({ dir: join(folder, 'bitcoind'), ...found, args: more });
  const { host, port, user, password } = node;
  chain = bitcoindChain({ host, port, auth: { user, password }, log: keptLog(), clock: systemClock });
});
afterAll(async () => {
  await chain?.close();
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

const under = (): CallableRules => ({
  chain,
  mine: (blocks, address) => node.mine(blocks, address),
  mineOnly: async (transactions, address) => {
    const { hash } = (await node.call('generateblock', address, transactions.map(hex))) as { readonly hash: string };
    return hash;
  },
  invalidate: async (hash) => void (await node.call('invalidateblock', hash)),
  call: (method, ...params) => node.call(method, ...params),
});

arrivalsSuite('bitcoind', 'arrivals suite', under, () => publishes);
maxFeeSuite('bitcoind', 'max fee suite', under);
locksSuite('bitcoind', 'locks suite', under);
relaySuite('bitcoind', 'relay suite', under);
packageSuite('bitcoind', 'package suite', under);
