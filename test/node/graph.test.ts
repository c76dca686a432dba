/** The announced graph: what is believed and what is kept. */
import { describe, expect, test, vi } from 'vitest';
import { MOST_CHANNELS } from '../../node/graph/gossip.ts';
import { ourSide, verifyNodeAnnouncement } from '../../node/graph/gossipsignatures.ts';
import { nodeKey } from '../../node/graph/graph.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { chainHashOf } from '../../wire/chains.ts';
import { WireError } from '../../wire/codec.ts';
import { isPoint } from '../../wire/crypto.ts';
import { decodeMessage } from '../../wire/message.ts';
import { msat, point, scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  gossipOver,
  idOf,
  NOW,
  nodeAnnouncement,
  reloaded,
  storedGossipOver,
  update,
} from '../support/graph.ts';
import { sources } from '../support/tree.ts';

const scid = scidOf(100, 1, 0);
const spoiled = (raw: Uint8Array, at: number): Uint8Array => raw.map((byte, i) => (i === at ? byte ^ 1 : byte));
const DAY = 86_400;

describe('an announced channel', () => {
  test('gives way where the graph has as many as it may have, unless it is our own', async () => {
    const { graph, gossip, take } = gossipOver([announcedOf('a', 'b', scid)]);
    const full = { channels: MOST_CHANNELS, nodes: 0 };
    const size = vi.spyOn(graph, 'size', 'get').mockReturnValue(full);
    const raw = announcement('a', 'b', scid);
    expect(await take(raw)).toBe('ignored');
    const message = decodeMessage(raw);
    if (message.name !== 'channel_announcement') throw new Error(message.name);
    expect(await gossip.handle(message, raw)).toBe('new');
    size.mockRestore();
    expect(graph.size.channels).toBe(1);
  });
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
  test('is ignored below four confirmations, and believed once it has them', async () => {
    const young = scidOf(1000, 1, 0);
    const { take, clock } = gossipOver([announcedOf('a', 'b', young)]);
    for (clock.height = 1000; clock.height < 1003; clock.height++)
      expect(await take(announcement('a', 'b', young))).toBe('ignored');
    expect(await take(announcement('a', 'b', young))).toBe('new');
  });
  test('that came a few blocks too early is believed when its block comes, with its policies and nodes', async () => {
    const young = scidOf(1000, 1, 0);
    const { take, clock, graph, gossip } = gossipOver([announcedOf('a', 'b', young)]);
    clock.height = 999;
    await take(announcement('a', 'b', young));
    await take(update('a', 'b', young));
    await take(nodeAnnouncement('a'));
    for (clock.height = 1000; clock.height < 1003; clock.height++) await gossip.block();
    expect(graph.channel(young)).toBeUndefined();
    await gossip.block();
    expect(graph.channel(young)?.policies.filter((policy) => policy !== undefined)).toHaveLength(1);
    expect(graph.node(nodeKey(idOf('a')))).toBeDefined();
    await gossip.block();
  });

  test('a node_announcement that comes while its channel, now old enough, is looked up is not lost', async () => {
    const young = scidOf(1000, 1, 0);
    const { take, clock, graph, gossip } = gossipOver([announcedOf('a', 'b', young)]);
    clock.height = 1002;
    await take(announcement('a', 'b', young));
    await take(update('a', 'b', young));
    clock.height = 1003;
    const handled = gossip.block();
    expect(graph.channel(young)).toBeUndefined();
    expect(await take(nodeAnnouncement('a'))).toBe('ignored');
    await handled;
    expect(graph.channel(young)).toBeDefined();
    expect(graph.node(nodeKey(idOf('a')))).toBeDefined();
  });
  test('far above our chain is not kept, and of many that are too young the latest are', async () => {
    const far = scidOf(1013, 1, 0);
    const many = Array.from({ length: 501 }, (_, n) => scidOf(1000, 1, n));
    const { take, clock, graph, gossip } = gossipOver([far, ...many].map((one) => announcedOf('a', 'b', one)));
    clock.height = 1000;
    for (const one of [far, ...many]) await take(announcement('a', 'b', one));
    clock.height = 1100;
    await gossip.block();
    expect([far, ...many].filter((one) => graph.channel(one) !== undefined)).toEqual(many.slice(1));
  });
  test('that is announced for other nodes too is noted, once, and stays with the first', async () => {
    const { take, graph, log } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    const other = announcement('a', 'b', scid, ['c', 'd']);
    expect(await take(spoiled(other, 100))).toBe('bad');
    expect(await take(other)).toBe('ignored');
    await take(other);
    expect(log.lines.filter((line) => line.includes('name different nodes'))).toHaveLength(1);
    expect(graph.hasChannel(Buffer.from(idOf('a')).toString('hex'))).toBe(true);
  });
});

test('what is said of another chain is ignored, channel and policy', async () => {
  const { graph, gossip, take } = gossipOver([announcedOf('a', 'b', scid)]);
  const foreign = (raw: Uint8Array) => {
    const message = decodeMessage(raw);
    if (message.name !== 'channel_announcement' && message.name !== 'channel_update') throw new Error(message.name);
    return gossip.handle({ ...message, chain_hash: chainHashOf.signet }, raw, idOf('p'));
  };
  expect(await foreign(announcement('a', 'b', scid))).toBe('ignored');
  await take(announcement('a', 'b', scid));
  expect(await foreign(update('a', 'b', scid))).toBe('ignored');
  expect(graph.channel(scid)?.policies).toEqual([undefined, undefined]);
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
    expect(graph.channel(scid)?.policies[ourSide(idOf('b'), idOf('a'))]).toBeDefined();
  });
  test('signed by the other end is bad, one from next week or above the capacity is ignored', async () => {
    const { take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    expect(await take(spoiled(update('a', 'b', scid), 40))).toBe('bad');
    expect(await take(update('a', 'b', scid, {}, NOW + 7 * DAY))).toBe('ignored');
    expect(await take(update('a', 'b', scid, { htlcMaximum: 1_000_000_001n }))).toBe('ignored');
    expect(await take(update('a', 'b', scid, { htlcMaximum: 1_000_000_000n }))).toBe('new');
  });
  test('that is for the other end alone, or older than two weeks, is ignored', async () => {
    const { take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    expect(await take(update('a', 'b', scid, { dontForward: true }))).toBe('ignored');
    expect(await take(update('a', 'b', scid, {}, NOW - 14 * DAY))).toBe('ignored');
    expect(await take(update('a', 'b', scid, {}, NOW - 14 * DAY + 1))).toBe('new');
  });
});

describe('an announced node', () => {
  test('is believed when its signature holds, newer over older, and only once it has a channel', async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    expect(await take(nodeAnnouncement('a'))).toBe('ignored');
    await take(announcement('a', 'b', scid));
    expect(await take(spoiled(nodeAnnouncement('a'), 40))).toBe('bad');
    expect(await take(nodeAnnouncement('a'))).toBe('new');
    expect(await take(nodeAnnouncement('a'))).toBe('known');
    expect(await take(nodeAnnouncement('a', NOW - 1))).toBe('known');
    expect(await take(nodeAnnouncement('a', NOW + 1))).toBe('new');
    expect(await take(nodeAnnouncement('b', NOW + 2 * DAY))).toBe('ignored');
    expect([...graph.nodes].map(({ alias }) => alias)).toEqual(['a']);
  });
});

describe('a node_announcement that is not one', () => {
  test('is bad without a valid node id, and cannot be read where its addresses are cut', () => {
    const raw = nodeAnnouncement('a', NOW, { addresses: [{ type: 'ipv4', host: Uint8Array.of(1, 2, 3, 4), port: 1 }] });
    const m = decodeMessage(raw);
    if (m.name !== 'node_announcement') throw new Error(m.name);
    const nobody = point(new Uint8Array(33).fill(0xff, 1).fill(2, 0, 1));
    expect(isPoint(nobody)).toBe(false);
    expect(verifyNodeAnnouncement({ ...m, node_id: nobody }, raw)).toBe(false);
    // The last descriptor has 7 bytes; addrlen says 6.
    expect(() => decodeMessage(raw.map((byte, i) => (i === raw.length - 8 ? byte - 1 : byte)))).toThrow(WireError);
  });
});

test('a policy enters the graph only where its signature was checked, or from disk: never out of a failure', () => {
  const writers = sources(['node']).filter(({ text }) => /graph\.(set|place)Policy\(/.test(text));
  expect(writers.map(({ path }) => path).sort()).toEqual(['node/graph/gossip.ts', 'node/graph/persist.ts']);
});

describe('a verified announcement', () => {
  test('is there again after a restart, byte for byte', async () => {
    const { graph, disk, messages, take } = await storedGossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await take(nodeAnnouncement('a'));
    await messages.flush();
    const again = await reloaded(disk);
    expect([...again.channels]).toEqual([...graph.channels]);
    expect([...again.nodes]).toEqual([...graph.nodes]);
  });
  test('is written together, not each message for itself', async () => {
    const many = Array.from({ length: 50 }, (_, i) => scidOf(100 + i, 1, 0));
    const disk: MemoryDisk = new Map();
    const kept = gossipFilesInMemory(disk);
    let writes = 0;
    const open = async () => {
      const file = await kept.open();
      const write = (at: number, bytes: Uint8Array) => {
        writes++;
        return file.write(at, bytes);
      };
      return { ...file, write };
    };
    const { store, take, pass } = await storedGossipOver(
      many.map((id) => announcedOf('a', 'b', id)),
      { ...kept, open },
    );
    writes = 0;
    for (const id of many) {
      await take(announcement('a', 'b', id));
      await take(update('a', 'b', id, { feeBase: msat(1n) }));
    }
    expect(writes).toBe(0);
    await pass();
    expect(writes).toBe(1);
    const again = await reloaded({ store, gossip: disk });
    expect(again.size.channels).toBe(50);
  });
});
