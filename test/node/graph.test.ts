/** The announced graph: what is believed, what is kept, what is passed on. */
import { describe, expect, test } from 'vitest';
import { fundingOutputScript } from '../../channel/funding.ts';
import {
  type AnnouncedChannel,
  channelDigest,
  ourSide,
  signedChannelAnnouncement,
  signedChannelUpdate,
  signedNodeAnnouncement,
} from '../../node/graph/announce.ts';
import { Gossip } from '../../node/graph/gossip.ts';
import { Graph } from '../../node/graph/graph.ts';
import { graphStore, loadGraph } from '../../node/graph/persist.ts';
import { idReplies, rangeReplies } from '../../node/graph/queries.ts';
import { forgetSpent } from '../../node/graph/spent.ts';
import type { Chain } from '../../node/ports.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { equal } from '../../wire/bytes.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { sha256, sign } from '../../wire/crypto.ts';
import { decodeMessage } from '../../wire/message.ts';
import { msat, type ShortChannelId, sat, scidOf, scidParts, txid } from '../../wire/units.ts';
import { chainTx, payment } from '../support/chain.ts';
import { idOf, keyOf, NOW, policy, type Terms } from '../support/graph.ts';
import { memoryLog } from '../support/peers.ts';

const chainHash = chainHashOf.regtest;
const announcedOf = (a: string, b: string, scid: ShortChannelId): AnnouncedChannel => ({
  chain: chainHash,
  scid,
  nodes: [idOf(a), idOf(b)],
  fundingKeys: [idOf(`${a}/${scid}`), idOf(`${b}/${scid}`)],
});
const announcement = (a: string, b: string, scid: ShortChannelId): Uint8Array => {
  const channel = announcedOf(a, b, scid);
  const digest = channelDigest(channel);
  const half = (name: string) => ({ node: sign(digest, keyOf(name)), bitcoin: sign(digest, keyOf(`${name}/${scid}`)) });
  return signedChannelAnnouncement(channel, half(a), half(b));
};
const update = (from: string, to: string, scid: ShortChannelId, terms: Terms = {}, at = NOW): Uint8Array => {
  const { feeBase, feeProportional, cltvExpiryDelta, htlcMaximum } = { ...policy, ...terms };
  return signedChannelUpdate(
    keyOf(from),
    { chain: chainHash, scid, side: ourSide(idOf(from), idOf(to)), dontForward: false },
    {
      ...{ feeBase: msat(feeBase), feeProportional, cltvExpiryDelta },
      ...{ htlcMinimum: msat(1n), htlcMaximum: msat(htlcMaximum), disabled: false },
    },
    at,
  );
};
const nodeAnnouncement = (name: string, at = NOW): Uint8Array =>
  signedNodeAnnouncement(
    keyOf(name),
    { id: idOf(name), alias: name, color: new Uint8Array(3), features: new Uint8Array(0), addresses: [] },
    at,
  );

/** A chain on which every channel named here is funded with a million satoshi. */
const chainWith = (channels: readonly AnnouncedChannel[]): Pick<Chain, 'txidAt' | 'unspent'> => ({
  txidAt: async (height, txIndex) => txid(sha256(new TextEncoder().encode(`${height}x${txIndex}`))),
  unspent: async ({ txid: id, vout }) => {
    const found = channels.find(({ scid }) => {
      const { height, txIndex, output } = scidParts(scid);
      return output === vout && equal(sha256(new TextEncoder().encode(`${height}x${txIndex}`)), id);
    });
    if (found === undefined) return undefined;
    return {
      script: fundingOutputScript(...found.fundingKeys),
      amount: sat(1_000_000n),
      confirmations: 6,
      coinbase: false,
    };
  },
});

const gossipOver = (channels: readonly AnnouncedChannel[]) => {
  const graph = new Graph();
  const store = memoryStore();
  const chain = chainWith(channels) as Chain;
  const gossip = new Gossip({ graph, saved: graphStore(store), chain, chainHash, log: memoryLog(), now: () => NOW });
  const take = (raw: Uint8Array) => {
    const message = decodeMessage(raw);
    if (!['channel_announcement', 'channel_update', 'node_announcement'].includes(message.name))
      throw new Error(message.name);
    return gossip.take(message as Parameters<Gossip['take']>[0], raw);
  };
  return { graph, store, gossip, take };
};

const scid = scidOf(100, 1, 0);
const spoiled = (raw: Uint8Array, at: number): Uint8Array => raw.map((byte, i) => (i === at ? byte ^ 1 : byte));

describe('an announced channel', () => {
  test('is believed when four signatures hold and the chain has its output', async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    expect(await take(announcement('a', 'b', scid))).toBe('new');
    expect(graph.channel(scid)?.capacity).toBe(1_000_000n);
    expect(await take(announcement('a', 'b', scid))).toBe('known');
  });
  test.each([0, 1, 2, 3])('is bad when signature %i does not hold', async (n) => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    expect(await take(spoiled(announcement('a', 'b', scid), 2 + 64 * n + 40))).toBe('bad');
    expect(graph.size.channels).toBe(0);
  });
  test('is ignored when no such output is unspent', async () => {
    const { take } = gossipOver([]);
    expect(await take(announcement('a', 'b', scid))).toBe('ignored');
  });
  test('is ignored when its output pays to other keys', async () => {
    const { take } = gossipOver([{ ...announcedOf('a', 'b', scid), fundingKeys: [idOf('x'), idOf('y')] }]);
    expect(await take(announcement('a', 'b', scid))).toBe('ignored');
  });
  test('is gone with its spent output, and so is a node without another channel', async () => {
    const other = scidOf(101, 2, 0);
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid), announcedOf('b', 'c', other)]);
    await take(announcement('a', 'b', scid));
    await take(announcement('b', 'c', other));
    for (const name of ['a', 'b', 'c']) expect(await take(nodeAnnouncement(name))).toBe('new');
    const funding = graph.channel(scid)?.funding;
    expect(funding && graph.fundedBy(funding.txid, funding.vout)).toBe(scid);
    const spending = payment(funding === undefined ? [] : [funding], []);
    const block = { height: 1, hash: '', previous: '', time: 0, transactions: [chainTx(spending)] };
    const removed = forgetSpent(graph, block).map(({ key, value }) => [key.split('/').slice(0, 2).join('/'), value]);
    expect(removed).toEqual([
      ['graph/channel', undefined],
      ['graph/policy', undefined],
      ['graph/policy', undefined],
      ['graph/node', undefined],
    ]);
    expect(graph.channel(scid)).toBeUndefined();
    expect([...graph.nodes].map(({ alias }) => alias).sort()).toEqual(['b', 'c']);
  });
});

describe('a policy', () => {
  test('is believed from the end it speaks for, newer over older', async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    expect(await take(update('a', 'b', scid))).toBe('new');
    expect(await take(update('a', 'b', scid, { feeBase: 5n }, NOW - 1))).toBe('known');
    expect(await take(update('a', 'b', scid, { feeBase: 7n }, NOW + 1))).toBe('new');
    expect(graph.channel(scid)?.policies[ourSide(idOf('a'), idOf('b'))]?.feeBase).toBe(7n);
  });
  test('that comes before its channel is kept until the channel comes', async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    expect(await take(update('b', 'a', scid))).toBe('ignored');
    await take(announcement('a', 'b', scid));
    await new Promise((resolve) => setImmediate(resolve));
    expect(graph.channel(scid)?.policies[ourSide(idOf('b'), idOf('a'))]).toBeDefined();
  });
  test('signed by the other end is bad, one from next week or above the capacity is ignored', async () => {
    const { take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    expect(await take(spoiled(update('a', 'b', scid), 40))).toBe('bad');
    expect(await take(update('a', 'b', scid, {}, NOW + 7 * 86400))).toBe('ignored');
    expect(await take(update('a', 'b', scid, { htlcMaximum: 1_000_000_001n }))).toBe('ignored');
  });
});

test('what was believed is there again after a restart, byte for byte', async () => {
  const { graph, store, take } = gossipOver([announcedOf('a', 'b', scid)]);
  await take(announcement('a', 'b', scid));
  await take(update('a', 'b', scid));
  await take(nodeAnnouncement('a'));
  const again = new Graph();
  await loadGraph(store, again);
  expect([...again.channels]).toEqual([...graph.channels]);
  expect([...again.nodes]).toEqual([...graph.nodes]);
});

test('a peer that asked for gossip gets what there is, then what is new, but never its own words', async () => {
  const { gossip, take } = gossipOver([announcedOf('a', 'b', scid)]);
  await take(announcement('a', 'b', scid));
  await take(update('a', 'b', scid));
  const sent: string[] = [];
  const peer = { id: idOf('p'), send: (raw: Uint8Array) => void sent.push(decodeMessage(raw).name) };
  const all = {
    name: 'gossip_timestamp_filter',
    chain_hash: chainHash,
    first_timestamp: 0,
    timestamp_range: 0xffff_ffff,
  } as const;
  gossip.filter(peer, all);
  expect(sent).toEqual(['channel_announcement', 'channel_update']);
  await take(update('b', 'a', scid));
  expect(sent).toHaveLength(3);
  gossip.relay(nodeAnnouncement('a'), idOf('p'));
  expect(sent).toHaveLength(3);
});

test('queries are answered with the channels of these blocks, and unknown ids with nothing', async () => {
  const many = Array.from({ length: 5 }, (_, i) => scidOf(100 + i, 1, 0));
  const { graph, take } = gossipOver(many.map((id) => announcedOf('a', 'b', id)));
  for (const id of many) await take(announcement('a', 'b', id));
  const range = {
    name: 'query_channel_range',
    chain_hash: chainHash,
    first_blocknum: 101,
    number_of_blocks: 3,
  } as const;
  const replies = rangeReplies(graph, chainHash, range);
  expect(replies.flatMap((reply) => reply.encoded_short_ids)).toEqual(many.slice(1, 4));
  expect(replies.at(-1)).toMatchObject({ first_blocknum: 101, number_of_blocks: 3, sync_complete: 1 });
  const ids = {
    name: 'query_short_channel_ids',
    chain_hash: chainHash,
    encoded_short_ids: [scidOf(1, 1, 1), scid],
  } as const;
  const { raw, end } = idReplies(graph, chainHash, ids);
  expect(raw.map((one) => decodeMessage(one).name)).toEqual(['channel_announcement']);
  expect(end).toMatchObject({ name: 'reply_short_channel_ids_end', full_information: 1 });
});
