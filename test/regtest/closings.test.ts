/** A closing that both signed and that bitcoind's mempool does not take: the commitment ends the channel in its place. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RunningBitcoind, startBitcoind } from '../../node/regtest/demo/bitcoind.ts';
import { findChain } from '../../node/regtest/demo/chain.ts';
import { type Network, startNetwork } from '../../node/regtest/demo/network.ts';
import { until } from '../../node/regtest/demo/wait.ts';
import { built, whyNoChain } from '../support/regtest.ts';

type Name = 'alice' | 'bob';
let missing: string | undefined;
let network: Network<Name>;
let again: RunningBitcoind | undefined;

beforeAll(async () => {
  built('node/main.js');
  missing = await whyNoChain();
  if (missing === undefined && (await findChain()).source === 'embedded') missing = 'only a bitcoind sets fees apart';
  if (missing !== undefined) return;
  network = await startNetwork<Name>({ nodes: { alice: [], bob: [] } });
});
afterAll(async () => {
  await again?.stop();
  await network?.stop();
});
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});

const lines = async (): Promise<{ readonly state: string; readonly status: string }> => {
  const [channel] = (await network.nodes.alice.call('listpeerchannels')).channels;
  return { state: channel?.state ?? '', status: (channel?.status ?? []).join('\n') };
};

test('a mutual close that bitcoind rejects is replaced by the commitment within hours, whose outputs are claimed', async () => {
  const { alice, bob } = network.nodes;
  await network.fund({ alice: [1_000_000n, 200_000n] });
  await network.open([{ from: 'alice', to: 'bob', sat: 900_000n }]);
  const destination = String(await network.bitcoind.call('getnewaddress'));
  const { type, txids } = await alice.call('close', { id: bob.id, destination });
  expect(type).toBe('mutual');
  const closing = txids?.[0] ?? '';

  // Nobody has it any more, and from now on the mempool counts its fee as nothing: no node that asks it gets it in.
  const { port, password } = network.bitcoind;
  await network.bitcoind.stop();
  const chain = await startBitcoind({
    ...(await findChain()),
    dir: join(network.dir, 'bitcoind'),
    port,
    password,
    args: ['-persistmempool=0'],
  });
  again = chain;
  await chain.call('prioritisetransaction', closing, 0, -100_000);
  expect(await chain.call('getrawmempool')).toEqual([]);

  const mine = async (): Promise<void> => {
    await chain.mine(1, network.miner);
    const height = Number(await chain.call('getblockcount'));
    for (const node of [alice, bob])
      await until(`block ${height}`, async () =>
        (await node.call('getinfo')).blockheight >= height ? true : undefined,
      );
  };
  await mine();
  await until('its refusal to be seen', async () =>
    (await lines()).status.includes('is refused by the network') ? true : undefined,
  );
  expect((await lines()).state).toBe('CLOSINGD_COMPLETE');
  for (let block = 0; block < 7 && (await lines()).state !== 'AWAITING_UNILATERAL'; block++) await mine();
  await until('the commitment in the mempool', async () => {
    const waiting = (await chain.call('getrawmempool')) as readonly string[];
    return waiting.length > 0 && !waiting.includes(closing) ? true : undefined;
  });
  expect((await lines()).status).toMatch(/our commitment [0-9a-f]{64} is published/);
  await mine();
  await until('the end on chain', async () => ((await lines()).state === 'ONCHAIN' ? true : undefined));
  // Both sides fell back; either commitment does.
  expect((await lines()).status).toContain('commitment is in the chain');
});
