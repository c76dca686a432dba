/** Whole nodes that gossip: a channel becomes known to the network, and what its peer says of it all at once. */
import { afterEach, expect, test } from 'vitest';
import { networkOf } from '../../node/ports/network.ts';
import { scriptOfAddress } from '../../node/wallet/address.ts';
import { utf8, zeros } from '../../wire/bytes.ts';
import { channelId } from '../../wire/units.ts';
import { becomes, type LocalPair, startPair } from '../support/pair.ts';

const pairs: LocalPair[] = [];
afterEach(async () => {
  for (const pair of pairs.splice(0)) await pair.stop();
});

test('a channel is announced at six confirmations, is known after a restart, and an error for channel zero fails all of them', async () => {
  const pair = await startPair({ 'announce-addr': '1.2.3.4:9735' });
  pairs.push(pair);
  await pair.endow('alice', 3_000_000n);
  const ids = [await pair.open(1_000_000n), await pair.open(900_000n)];
  const known = async (who: 'alice' | 'bob') => (await pair.nodes[who].call('listchannels', {})).channels.length;
  const hinted = async (label: string) => {
    const { bolt11 } = await pair.nodes.bob.call('invoice', { amount_msat: 1000n, label, description: label });
    return ((await pair.nodes.bob.call('decode', { string: bolt11 })).routes ?? []).length;
  };
  await pair.mine(3);
  expect(await hinted('before')).toBe(2);
  expect([await known('alice'), await known('bob')]).toEqual([0, 0]);
  await pair.mine(4);
  for (const who of ['alice', 'bob'] as const) {
    await becomes('both channels known in both directions', async () => (await known(who)) === 4);
    await becomes('both nodes known', async () => {
      const { nodes } = await pair.nodes[who].call('listnodes', {});
      return nodes.filter(({ alias }) => alias !== undefined).length === 2;
    });
  }
  expect(await hinted('after')).toBe(0);
  const { graph } = pair.nodes.alice.node;
  const bob = graph.node(pair.nodes.bob.id);
  if (bob === undefined) throw new Error('bob is not known');
  graph.setNode({ ...bob, unknownFeature: 1000 });
  await expect(
    pair.nodes.alice.call('keysend', { destination: pair.nodes.bob.id, amount_msat: 1000n }),
  ).rejects.toThrow(/feature bit 1000/);
  await pair.restart('bob');
  expect(await known('bob')).toBe(4);

  const { id, node } = pair.nodes.bob;
  await pair.nodes.alice.call('connect', { id, host: '127.0.0.1', port: node.peers.address?.port ?? 0 });
  await becomes('the channels are back', async () =>
    (await pair.nodes.alice.call('listpeerchannels', {})).channels.every(({ reestablished }) => reestablished === true),
  );
  const alice = pair.nodes.bob.node.peers.get(pair.nodes.alice.node.keys.nodeId);
  alice?.send({ name: 'error', channel_id: channelId(zeros(32)), data: utf8('all \u202eof\u200b them') });
  for (const one of ids) {
    await pair.reaches('alice', one, 'AWAITING_UNILATERAL');
    expect((await pair.channel('alice', one))?.status.join('\n')).toContain('all \\u{202e}of\\u{200b} them');
  }
});

test('a channel whose short_channel_id a reorganization changed leaves the graph, and is announced anew under its new one', async () => {
  const pair = await startPair({ 'min-depth': '1' });
  pairs.push(pair);
  await pair.endow('alice', 1_010_000n);
  await pair.open(1_000_000n);
  await pair.mine(6);
  const { regtest, faucet } = pair.ground;
  const known = async (who: 'alice' | 'bob') => {
    const { channels } = await pair.nodes[who].call('listchannels', {});
    return [...new Set(channels.map(({ short_channel_id: scid }) => scid))].join();
  };
  await becomes('the channel known', async () => (await known('alice')) !== '' && (await known('bob')) !== '');
  const before = await known('alice');
  const height = Number(before.split('x')[0]);
  let lost = regtest.ledger.tip;
  while (lost.height > height) lost = regtest.ledger.get(lost.previous);
  regtest.invalidate(lost.hash);
  const script = scriptOfAddress(faucet.address, networkOf('regtest'));
  // Where the funding was there is nothing now; it comes a block later.
  regtest.mine(1, script, { only: [] });
  await pair.mine(7);
  for (const who of ['alice', 'bob'] as const) {
    await becomes('the old name gone', async () => !(await known(who)).includes(before));
    await becomes('the new name known', async () => (await known(who)).startsWith(`${height + 1}x`));
  }
});
