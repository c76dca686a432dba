/** What blocks do to the graph: spent channels stay a while, reorganizations bring them back or move them. */
import { Transaction } from 'bitcoinjs-lib';
import { describe, expect, test } from 'vitest';
import { applyChainEvent } from '../../node/graph/chainevents.ts';
import type { Graph } from '../../node/graph/graph.ts';
import type { Block, ChainTx } from '../../node/ports/ports.ts';
import { type ShortChannelId, scidOf, type Txid, txid } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  filterOf,
  gossipOver,
  listener,
  NOW,
  nodeAnnouncement,
  reloaded,
  storedGossipOver,
  TIP,
  txidOf,
  update,
} from '../support/graph.ts';

const scid = scidOf(100, 1, 0);
const other = scidOf(101, 2, 0);

const spending = (funding: { readonly txid: Txid; readonly vout: number }): ChainTx => {
  const tx = new Transaction();
  tx.addInput(Buffer.from(funding.txid), funding.vout);
  return { txid: txid(new Uint8Array(32).fill(7)), tx };
};
const empty = (id: Txid): ChainTx => ({ txid: id, tx: new Transaction() });
const block = (height: number, transactions: readonly ChainTx[] = []): Block => ({
  ...{ height, transactions, time: NOW, hash: `${height}`, previous: `${height - 1}` },
});

/** Two channels with policies and nodes, and blocks told to their graph. */
const believed = async () => {
  const parts = await storedGossipOver([announcedOf('a', 'b', scid), announcedOf('b', 'c', other)]);
  const { take, graph, messages, saved, store, clock } = parts;
  await take(announcement('a', 'b', scid));
  await take(announcement('b', 'c', other));
  await take(update('a', 'b', scid));
  await take(update('b', 'c', other));
  for (const name of ['a', 'b', 'c']) await take(nodeAnnouncement(name));
  await messages.flush();
  const funding = graph.channel(scid)?.funding;
  if (funding === undefined) throw new Error('no channel');
  return {
    ...parts,
    funding,
    connect: async (height: number, ...transactions: readonly ChainTx[]) => {
      clock.height = height;
      await store.commit(applyChainEvent(graph, saved, { event: 'connected', block: block(height, transactions) }));
    },
    disconnect: async (height: number) => {
      clock.height = height - 1;
      await store.commit(applyChainEvent(graph, saved, { event: 'disconnected', height, hash: `${height}` }));
    },
  };
};

const known = (graph: Graph): readonly ShortChannelId[] => [...graph.channels].map((channel) => channel.scid);

describe('a channel whose funding output is spent', () => {
  test('is told to nobody at once and forgotten after 72 blocks, with a node that has no other', async () => {
    const { graph, gossip, connect, funding } = await believed();
    await connect(TIP + 1, spending(funding));
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    // The other channel, its policy, and the nodes at its ends.
    expect(peer.names).toHaveLength(4);
    await connect(TIP + 72);
    expect(known(graph)).toEqual([scid, other]);
    await connect(TIP + 73);
    expect(known(graph)).toEqual([other]);
    expect([...graph.nodes].map(({ alias }) => alias).sort()).toEqual(['b', 'c']);
  });

  test('is there again when the block that spent it goes', async () => {
    const { graph, gossip, connect, disconnect, funding } = await believed();
    await connect(TIP + 1, spending(funding));
    await disconnect(TIP + 1);
    expect(graph.channel(scid)?.spentAt).toBeUndefined();
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    expect(peer.names).toHaveLength(7);
    await connect(TIP + 80);
    expect(known(graph)).toEqual([scid, other]);
  });

  test('is known to be spent after a restart', async () => {
    const { disk, connect, funding } = await believed();
    await connect(TIP + 1, spending(funding));
    const again = await reloaded(disk);
    expect(again.channel(scid)?.spentAt).toBe(TIP + 1);
    await connect(TIP + 73);
    const later = await reloaded(disk);
    expect(known(later)).toEqual([other]);
  });

  test('takes no policy any more but one that says it is disabled', async () => {
    const { take, connect, funding } = await believed();
    await connect(TIP + 1, spending(funding));
    expect(await take(update('a', 'b', scid, {}, NOW + 1))).toBe('ignored');
    expect(await take(update('a', 'b', scid, { disabled: true }, NOW + 1))).toBe('new');
  });
});

describe('a reorganization that removes the funding of a channel', () => {
  test('leaves it where the other branch has its funding at the same place', async () => {
    const { graph, disconnect, connect } = await believed();
    await disconnect(100);
    await connect(100, empty(txidOf(100, 0)), empty(txidOf(100, 1)));
    expect(known(graph)).toEqual([scid, other]);
  });
  test('takes it out of the graph, for good, where the other branch has it elsewhere or nowhere', async () => {
    const { graph, disk, disconnect, connect } = await believed();
    await disconnect(101);
    await disconnect(100);
    await connect(100, empty(txidOf(100, 1)), empty(txidOf(100, 0)));
    expect(known(graph)).toEqual([other]);
    await connect(101);
    expect(known(graph)).toEqual([]);
    const again = await reloaded(disk);
    expect(again.size).toEqual({ channels: 0, nodes: 0 });
  });
});

test('a channel that is spent while the chain is asked for it is not believed', async () => {
  const { take, clock, graph, asked } = gossipOver([announcedOf('a', 'b', scid)]);
  const taken = take(announcement('a', 'b', scid));
  await new Promise((resolve) => setImmediate(resolve));
  clock.height++;
  await taken;
  expect(graph.size.channels).toBe(1);
  // Asked for once more, since a block came in between.
  expect(asked.count).toBe(4);
});
