/** What a node passes on of what it believes: to whom, in which order, and what it keeps to itself. */
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../../wire/message.ts';
import { msat, type ShortChannelId, sat, scidOf, txid } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  chainHash,
  filterOf,
  gossipOver,
  idOf,
  listener,
  NOW,
  nodeAnnouncement,
  update,
} from '../support/graph.ts';

const scid = scidOf(100, 1, 0);
const other = scidOf(101, 1, 0);
const [A, U, N] = ['channel_announcement', 'channel_update', 'node_announcement'];
const over = (...scids: readonly ShortChannelId[]) => gossipOver(scids.map((id) => announcedOf('a', 'b', id)));

/** A message of our own: it is nobody's, so nobody told us. */
const ours = (gossip: ReturnType<typeof over>['gossip'], raw: Uint8Array) => {
  const message = decodeMessage(raw);
  if (
    message.name !== 'channel_announcement' &&
    message.name !== 'channel_update' &&
    message.name !== 'node_announcement'
  )
    throw new Error(message.name);
  return gossip.handle(message, raw);
};

/** Gossip over 300 channels, each with one policy: 600 messages. */
const largeGraph = () => {
  const many = Array.from({ length: 300 }, (_, i) => scidOf(200 + i, 1, 0));
  const { graph, gossip } = over(...many);
  const terms = {
    ...{ timestamp: NOW, cltvExpiryDelta: 34, htlcMinimum: msat(1n), htlcMaximum: msat(1n) },
    ...{ feeBase: msat(1n), feeProportional: 1, disabled: false, checksum: 0 },
  };
  for (const id of many) {
    const { fundingKeys } = announcedOf('a', 'b', id);
    const funding = { txid: txid(new Uint8Array(32)), vout: Number(id & 0xffffn) };
    const channel = {
      scid: id,
      nodes: ['a', 'b'],
      capacity: sat(1n),
      funding,
      policies: [undefined, undefined],
    } as const;
    graph.addChannel(channel, fundingKeys[0]);
    graph.setPolicy(id, 0, terms, fundingKeys[1]);
  }
  return gossip;
};

describe('a peer that asks for gossip', () => {
  test('gets what there is in order, then what is new, but never its own words', async () => {
    const { gossip, take, pass } = over(scid);
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await take(nodeAnnouncement('a'));
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    expect(peer.names).toEqual([A, U, N]);
    await take(update('b', 'a', scid), 'p');
    await pass();
    expect(peer.names).toHaveLength(3);
    await take(update('a', 'b', scid, {}, NOW + 1));
    await pass();
    expect(peer.names).toEqual([A, U, N, U]);
  });

  test('is told of no channel without a policy, nor of the nodes at its ends', async () => {
    const { gossip, take, pass } = over(scid);
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    await take(announcement('a', 'b', scid));
    await take(nodeAnnouncement('a'));
    await pass();
    const second = listener('q');
    await gossip.filter(second, filterOf());
    expect([...peer.names, ...second.names]).toEqual([]);
    await take(update('a', 'b', scid));
    await pass();
    expect(peer.names).toEqual([A, U, N]);
    expect(second.names).toEqual([A, U, N]);
  });

  test('gets the first second of its time and not the one after the last, the announcement at the time of a policy', async () => {
    const ids = [0, 1, 2, 3].map((i) => scidOf(100 + i, 1, 0));
    const { gossip, take } = over(...ids);
    for (const [i, id] of ids.entries()) {
      await take(announcement('a', 'b', id));
      await take(update('a', 'b', id, {}, NOW + i));
    }
    const peer = listener('p');
    await gossip.filter(peer, filterOf(NOW + 1, 2));
    const told = peer.raws.map((raw) => decodeMessage(raw)).filter((m) => m.name === 'channel_update');
    expect(told.map(({ timestamp }) => timestamp)).toEqual([NOW + 1, NOW + 2]);
    expect(peer.names).toEqual([A, U, A, U]);
  });

  test('is told of a channel with the first policy that is of its time', async () => {
    const { gossip, take, pass } = over(scid);
    const peer = listener('p');
    await gossip.filter(peer, filterOf(NOW + 10, 1000));
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await pass();
    expect(peer.names).toEqual([]);
    await take(update('b', 'a', scid, {}, NOW + 10));
    await pass();
    expect(peer.names).toEqual([A, U]);
    await take(update('b', 'a', scid, {}, NOW + 11));
    await pass();
    expect(peer.names).toEqual([A, U, U]);
  });

  test('for another chain, or for no time at all, gets nothing', async () => {
    const { gossip, take, pass } = over(scid);
    const [foreign, deaf] = [listener('p'), listener('q')];
    await gossip.filter(foreign, {
      ...filterOf(),
      chain_hash: announcedOf('a', 'b', scid).chain.map((b) => b ^ 1) as never,
    });
    await gossip.filter(deaf, filterOf(0xffff_ffff, 0));
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await pass();
    expect([...foreign.names, ...deaf.names]).toEqual([]);
    expect(chainHash).toEqual(announcedOf('a', 'b', scid).chain);
  });

  test('again and again is answered twenty times, and for as long as it reads', async () => {
    const { gossip, take } = over(scid);
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    const peer = listener('p');
    for (let i = 0; i < 30; i++) await gossip.filter(peer, filterOf());
    expect(peer.names).toHaveLength(40);
    const deaf = { ...listener('q'), flushed: () => new Promise<void>(() => undefined) };
    const large = largeGraph();
    void large.filter(deaf, filterOf());
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(deaf.raws).toHaveLength(30);
  });
});

describe('peers that ask for gossip at once', () => {
  test('are answered one at a time, a slice in each turn', async () => {
    const gossip = largeGraph();
    const peers = ['p', 'q', 'r', 's', 't'].map((name) => listener(name));
    for (const peer of peers) void gossip.filter(peer, filterOf());
    const told = (): number => peers.reduce((sum, { raws }) => sum + raws.length, 0);
    await new Promise(setImmediate);
    while (told() < 5 * 600) {
      const before = told();
      await new Promise(setImmediate);
      expect(told() - before).toBeLessThanOrEqual(30);
    }
    expect(peers.map(({ raws }) => raws.length)).toEqual([600, 600, 600, 600, 600]);
  });
});

describe('gossip of other nodes', () => {
  test('waits for the next round, in which only the newest of each origin goes out', async () => {
    const { gossip, take, pass, timers } = over(scid);
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    await take(announcement('a', 'b', scid));
    for (const at of [0, 1, 2]) await take(update('a', 'b', scid, { feeBase: BigInt(at) }, NOW + at));
    expect(peer.names).toEqual([]);
    expect(timers.filter(({ ms }) => ms === 60_000)).toHaveLength(1);
    await pass();
    expect(peer.names).toEqual([A, U]);
    expect(decodeMessage(peer.raws[1] ?? new Uint8Array())).toMatchObject({ timestamp: NOW + 2 });
  });

  test('goes to nobody who did not ask', async () => {
    const { gossip, take, pass } = over(scid);
    const peer = listener('p');
    gossip.connected(peer);
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await pass();
    expect(peer.names).toEqual([]);
  });

  test('is not passed on where a node names two hostnames', async () => {
    const { gossip, take, pass, graph } = over(scid);
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    const addresses = ['one.example', 'two.example'].map((host) => ({ type: 'dns', host, port: 9735 }) as const);
    expect(await take(nodeAnnouncement('a', NOW, { addresses }))).toBe('new');
    await pass();
    await gossip.filter(peer, filterOf());
    expect(peer.names).not.toContain(N);
    expect(graph.size.nodes).toBe(1);
  });

  test('is neither used nor passed on once it is two weeks old', async () => {
    const { gossip, take, clock } = over(scid);
    await take(announcement('a', 'b', scid));
    await take(update('a', 'b', scid));
    await take(nodeAnnouncement('a'));
    clock.now += 14 * 86_400;
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    expect(peer.names).toEqual([]);
  });
});

describe('gossip of our own', () => {
  test('goes to all peers at once, whatever times they asked for', async () => {
    const { gossip } = gossipOver([announcedOf('us', 'b', scid)]);
    const [silent, deaf] = [listener('p'), listener('q')];
    gossip.connected(silent);
    await gossip.filter(deaf, filterOf(0xffff_ffff, 0));
    await ours(gossip, announcement('us', 'b', scid));
    expect(silent.names).toEqual([]);
    await ours(gossip, update('us', 'b', scid));
    await ours(gossip, nodeAnnouncement('us'));
    expect(silent.names).toEqual([A, U, N]);
    expect(deaf.names).toEqual([A, U, N]);
  });

  test('is told to a peer that asks for other times, too', async () => {
    const { gossip, take } = gossipOver([announcedOf('us', 'b', scid), announcedOf('a', 'b', other)]);
    await ours(gossip, announcement('us', 'b', scid));
    await ours(gossip, update('us', 'b', scid));
    await take(announcement('a', 'b', other));
    await take(update('a', 'b', other));
    const peer = listener('p');
    await gossip.filter(peer, filterOf(NOW + 100, 1));
    expect(peer.names).toEqual([A, U]);
    expect(decodeMessage(peer.raws[1] ?? new Uint8Array())).toMatchObject({ short_channel_id: scid });
    expect(idOf('us')).toBeDefined();
  });
});
