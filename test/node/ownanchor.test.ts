/** Whole nodes after a channel of theirs was closed by one of them: the anchors come home while fees are low. */
import { afterEach, expect, test } from 'vitest';
import { becomes, type LocalPair, startPair, type Who } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

/** Closed by alice at this feerate; how many inputs the claim of each side's balance has. */
const closedAt = async (feerate: number) => {
  const pair = await startPair();
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  const id = await pair.open(1_000_000n);
  const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat: 300_000_000n, label: 'a', description: '' });
  await pair.nodes.alice.call('pay', { bolt11 });
  // An HTLC that is left alone, so that there is no closing together.
  await pair.nodes.bob.call('dev-ignore-htlcs', { id: pair.nodes.alice.id, ignore: true });
  pair.nodes.alice.call('keysend', { destination: pair.nodes.bob.id, amount_msat: 5_000_000n }).catch(() => undefined);
  await becomes('an HTLC', async () => (await pair.channel('bob', id))?.htlcs[0]?.state === 'SENT_ADD_ACK_COMMIT');
  pair.ground.regtest.demand = feerate;
  await pair.nodes.alice.call('close', { id, unilateraltimeout: 1 });
  await becomes('the commitment to be published', () => pair.ground.regtest.pool.entries().length > 0);
  await pair.mine();
  for (const who of ['alice', 'bob'] as const) await pair.reaches(who, id, 'ONCHAIN');
  const inputs = async (who: Who): Promise<number> => {
    const { status = [] } = (await pair.channel(who, id)) ?? {};
    const [, txid] = /to_(?:local|remote) of \d+ sat .* claimed by ([0-9a-f]{64})/.exec(status.join('\n')) ?? [];
    return pair.ground.regtest.pool.entries().find(({ tx }) => tx.getId() === txid)?.tx.ins.length ?? 0;
  };
  return { pair, id, inputs };
};

test('our anchor is swept together with our balance, on both sides of a force close', async () => {
  const { pair, inputs } = await closedAt(300);
  await becomes('the claim of a balance', async () => (await inputs('bob')) > 0);
  expect(await inputs('bob')).toBe(2);
  await pair.mine(143);
  await becomes('the claim of a balance', async () => (await inputs('alice')) > 0);
  expect(await inputs('alice')).toBe(2);
});

test('our anchors are not swept while the sweep costs more than they are worth', async () => {
  const { inputs } = await closedAt(2_500);
  await becomes('the claim of a balance', async () => (await inputs('bob')) > 0);
  expect(await inputs('bob')).toBe(1);
});
