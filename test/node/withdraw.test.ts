/** A whole node that sends coins of its wallet to somebody's address. */
import { afterEach, expect, test } from 'vitest';
import { type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

const started = async () => {
  const pair = await startPair();
  pairs.push(pair);
  const { bech32: destination = '' } = await pair.nodes.bob.call('newaddr', {});
  const coinsOf = async (who: 'alice' | 'bob') =>
    (await pair.nodes[who].call('listfunds', {})).outputs.map(({ amount_msat }) => amount_msat / 1000n);
  return { pair, destination, coinsOf };
};

test('an amount, and then everything', async () => {
  const { pair, destination, coinsOf } = await started();
  await pair.endow('alice', 100_000n);
  const { alice } = pair.nodes;
  const { txid } = await alice.call('withdraw', { destination, satoshi: 30_000 });
  expect(pair.ground.regtest.pool.entries().map(({ tx }) => tx.getId())).toEqual([txid]);
  await pair.mine();
  expect(await coinsOf('bob')).toEqual([30_000n]);
  const [left = 0n] = await coinsOf('alice');
  expect(left).toBeGreaterThan(60_000n);
  await alice.call('withdraw', { destination, satoshi: 'all' });
  await pair.mine();
  expect(await coinsOf('alice')).toEqual([]);
});

test('what cannot be is refused, and costs nothing', async () => {
  const { pair, destination, coinsOf } = await started();
  await pair.endow('alice', 100_000n);
  const { alice } = pair.nodes;
  await expect(alice.call('withdraw', { destination, satoshi: 200_000 })).rejects.toThrow('not enough money');
  await expect(alice.call('withdraw', { destination, satoshi: 100 })).rejects.toThrow('too little for an output');
  const elsewhere = 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq';
  await expect(alice.call('withdraw', { destination: elsewhere, satoshi: 30_000 })).rejects.toThrow(
    /^destination: .*expected a regtest address/,
  );
  const long = alice.call('withdraw', { destination: 'x'.repeat(60_000), satoshi: 30_000 });
  await expect(long).rejects.toThrow(/^destination: "x{100}…" is no address here/);
  expect(await coinsOf('alice')).toEqual([100_000n]);
});
