/** Announcing our own channels: to whom, when, and what is never said twice or with an earlier time. */
import { describe, expect, test } from 'vitest';
import { channelAnnouncementDigest } from '../../node/graph/gossipsignatures.ts';
import { ANNOUNCE_DEPTH, type OwnChannel, OwnChannels } from '../../node/graph/ownchannels.ts';
import { memoryStore } from '../../node/store/memory.ts';
import type { Address } from '../../wire/address.ts';
import { unhex } from '../../wire/bytes.ts';
import { sign } from '../../wire/crypto.ts';
import { decodeMessage, type Message, type MessageOf } from '../../wire/message.ts';
import { channelId, msat, type ShortChannelId, scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  chainHash,
  gossipOver,
  idOf,
  keyOf,
  listener,
  NOW,
  nodeAnnouncement,
  TIP,
  update,
} from '../support/graph.ts';

const scid = scidOf(TIP - 5, 1, 0);
const policy = {
  ...{ feeBase: msat(1000n), feeProportional: 10, cltvExpiryDelta: 40 },
  ...{ htlcMinimum: msat(1n), htlcMaximum: msat(1_000_000n), disabled: false },
};
const channelOf = (change: Partial<OwnChannel> = {}): OwnChannel => ({
  ...{ key: 'aa', channelId: channelId(new Uint8Array(32).fill(1)), peer: idOf('peer'), scid, peerScid: scid },
  fundingKeys: announcedOf('us', 'peer', change.scid ?? scid).fundingKeys,
  ...{ announce: true, online: true, closing: false, depth: ANNOUNCE_DEPTH, policy },
  sign: (digest) => sign(digest, keyOf(`us/${change.scid ?? scid}`)),
  ...change,
});
/** The peer's half. */
const half = (of: ShortChannelId = scid): MessageOf<'announcement_signatures'> => {
  const digest = channelAnnouncementDigest(announcedOf('us', 'peer', of));
  return {
    name: 'announcement_signatures',
    channel_id: channelOf().channelId,
    short_channel_id: of,
    node_signature: sign(digest, keyOf('peer')),
    bitcoin_signature: sign(digest, keyOf(`peer/${of}`)),
  };
};

interface Ourselves {
  readonly store?: ReturnType<typeof memoryStore>;
  readonly alias?: string;
  readonly addresses?: readonly Address[];
}

/** Our channels with the network around them; `again` is the node after a restart on the same disk. */
const ourselves = async (given: Ourselves = {}) => {
  const parts = gossipOver([scid, scidOf(TIP - 4, 1, 0)].map((id) => announcedOf('us', 'peer', id)));
  const store = given.store ?? memoryStore();
  const sent: Message[] = [];
  const peer = listener('peer');
  parts.gossip.connected(peer);
  const own = new OwnChannels({
    ...parts,
    ...{ key: keyOf('us'), id: idOf('us'), chainHash, now: () => parts.clock.now },
    node: {
      alias: given.alias ?? 'us',
      ...{ color: new Uint8Array(3), features: new Uint8Array(), addresses: () => given.addresses ?? [] },
    },
    send: (_, message) => void sent.push(message),
    keep: (changes) => store.commit(changes),
  });
  await own.load(store);
  return { ...parts, own, sent, peer, disk: store };
};
const of = <N extends Message['name']>(messages: readonly Message[], name: N) =>
  messages.filter((m): m is Extract<Message, { name: N }> => m.name === name);
const updatesIn = (raws: readonly Uint8Array[]) =>
  raws.map((raw) => decodeMessage(raw)).filter((m) => m.name === 'channel_update');
const nodesIn = (raws: readonly Uint8Array[]) =>
  raws.map((raw) => decodeMessage(raw)).filter((m) => m.name === 'node_announcement');

describe('our announcement_signatures and our channel_update', () => {
  test('are sent once for each connection, however many blocks pass', async () => {
    const { own, sent } = await ourselves();
    for (let i = 0; i < 5; i++) await own.refresh(channelOf());
    expect(sent.map(({ name }) => name)).toEqual(['channel_update', 'announcement_signatures']);
    own.disconnected(idOf('peer'));
    await own.refresh(channelOf());
    expect(sent).toHaveLength(4);
    expect(of(sent, 'channel_update')[1]).toEqual(of(sent, 'channel_update')[0]);
  });

  test('wait for a peer that is disconnected, or has not sent channel_reestablish', async () => {
    const { own, sent } = await ourselves();
    await own.refresh(channelOf({ online: false }));
    expect(sent).toEqual([]);
    await own.refresh(channelOf());
    expect(sent.map(({ name }) => name)).toEqual(['channel_update', 'announcement_signatures']);
  });

  test('wait for six confirmations, and the signatures are never sent after our shutdown', async () => {
    const { own, sent, graph } = await ourselves();
    await own.refresh(channelOf({ depth: ANNOUNCE_DEPTH - 1 }));
    await own.refresh(channelOf({ closing: true }));
    await own.signatures(channelOf({ closing: true }), half());
    expect(sent.map(({ name }) => name)).toEqual(['channel_update']);
    expect(graph.size.channels).toBe(0);
  });

  test('are sent again to a peer that lost them, though the channel is announced', async () => {
    const { own, sent, graph } = await ourselves();
    await own.refresh(channelOf());
    await own.signatures(channelOf(), half());
    expect(graph.channel(scid)).toBeDefined();
    own.disconnected(idOf('peer'));
    await own.refresh(channelOf());
    expect(of(sent, 'announcement_signatures')).toHaveLength(1);
    await own.signatures(channelOf(), half());
    await own.signatures(channelOf(), half());
    expect(of(sent, 'announcement_signatures')).toHaveLength(2);
  });

  test('that the peer sends before the channel is ready here are kept until it is', async () => {
    const { own, graph, sent } = await ourselves();
    own.keepSignatures(idOf('peer'), half());
    await own.refresh(channelOf());
    expect(graph.channel(scid)).toBeDefined();
    own.keepSignatures(idOf('peer'), { ...half(), node_signature: half().bitcoin_signature });
    await own.refresh(channelOf());
    expect(of(sent, 'warning')).toHaveLength(1);
  });
});

describe('our channel_update', () => {
  test('of a channel to be announced is the same to the peer before and to all after, as lnd takes no second one', async () => {
    const { own, sent, peer, clock } = await ourselves();
    await own.refresh(channelOf({ depth: 1 }));
    clock.now = NOW + 60;
    await own.signatures(channelOf(), half());
    const [early] = of(sent, 'channel_update');
    expect(early).toMatchObject({ message_flags: 1, timestamp: NOW });
    expect(updatesIn(peer.raws)).toEqual([early]);
    await own.refresh(channelOf());
    expect(of(sent, 'channel_update')).toHaveLength(1);
  });

  test('of a channel that is not announced, or under an alias, is for the peer alone', async () => {
    const { own, sent } = await ourselves();
    await own.refresh(channelOf({ announce: false }));
    await own.refresh(channelOf({ key: 'bb', peerScid: scidOf(1, 2, 3) }));
    expect(of(sent, 'channel_update').map(({ message_flags }) => message_flags)).toEqual([3, 3]);
  });

  test('is the same after a restart, and later than the last though a clock was set back', async () => {
    const first = await ourselves();
    await first.own.refresh(channelOf());
    const [before] = of(first.sent, 'channel_update');
    const second = await ourselves({ store: first.disk });
    second.clock.now = NOW - 100_000;
    await second.own.refresh(channelOf());
    expect(of(second.sent, 'channel_update')).toEqual([before]);
    await second.own.refresh(channelOf({ policy: { ...policy, feeBase: msat(7n) } }));
    expect(of(second.sent, 'channel_update')[1]).toMatchObject({ fee_base_msat: 7n, timestamp: NOW + 1 });
  });

  test('is renewed before others forget it, and not sooner', async () => {
    const { own, peer, clock } = await ourselves();
    await own.refresh(channelOf());
    await own.signatures(channelOf(), half());
    const count = () => updatesIn(peer.raws).length;
    expect([count(), nodesIn(peer.raws).length]).toEqual([1, 1]);
    clock.now += 9 * 86_400;
    await own.refresh(channelOf());
    expect(count()).toBe(1);
    clock.now += 4 * 86_400;
    await own.refresh(channelOf());
    await own.refresh(channelOf());
    expect(updatesIn(peer.raws).at(-1)).toMatchObject({ timestamp: clock.now });
    expect([count(), nodesIn(peer.raws).length]).toEqual([2, 2]);
  });

  test('leaves the previous policy valid for ten minutes', async () => {
    const { own, clock, disk } = await ourselves();
    await own.refresh(channelOf());
    expect(own.previousPolicy('aa')).toBeUndefined();
    const second = await ourselves({ store: disk });
    second.clock.now = NOW + 50;
    await second.own.refresh(channelOf({ policy: { ...policy, feeBase: msat(5000n) } }));
    expect(second.own.previousPolicy('aa')).toMatchObject({ feeBase: 1000n });
    second.clock.now += 599;
    expect(second.own.previousPolicy('aa')).toMatchObject({ feeBase: 1000n });
    const third = await ourselves({ store: disk });
    third.clock.now = second.clock.now;
    expect(third.own.previousPolicy('aa')).toMatchObject({ feeBase: 1000n });
    third.clock.now++;
    expect(third.own.previousPolicy('aa')).toBeUndefined();
    expect(clock.now).toBe(NOW);
  });

  test('is forgotten with its channel', async () => {
    const { own, disk } = await ourselves();
    await own.refresh(channelOf());
    own.forget('aa');
    await disk.commit([]);
    const keys: string[] = [];
    for await (const [key] of disk.entries('graph/own/')) keys.push(key);
    expect(keys).toEqual([]);
  });
});

describe('our node_announcement', () => {
  test('goes out when gossip brought our channel before the peer’s half did', async () => {
    const { own, take, peer, graph } = await ourselves();
    await own.refresh(channelOf());
    expect(await take(announcement('us', 'peer', scid), 'stranger')).toBe('new');
    await own.refresh(channelOf());
    expect(updatesIn(peer.raws)).toHaveLength(1);
    expect(nodesIn(peer.raws)).toHaveLength(1);
    expect(graph.size.nodes).toBe(1);
  });

  test('goes out again when alias or addresses changed, later than the last though a clock was set back', async () => {
    const first = await ourselves();
    await first.own.signatures(channelOf(), half());
    const second = await ourselves({ store: first.disk, alias: 'renamed' });
    second.clock.now = NOW - 1000;
    await second.own.signatures(channelOf(), half());
    expect(nodesIn(second.peer.raws)).toMatchObject([{ timestamp: NOW + 1 }]);
    const addresses = [{ type: 'ipv4', host: Uint8Array.of(1, 2, 3, 4), port: 9735 }] as const;
    const third = await ourselves({ store: first.disk, alias: 'renamed', addresses });
    await third.own.signatures(channelOf(), half());
    expect(nodesIn(third.peer.raws)).toMatchObject([{ timestamp: NOW + 2, addresses }]);
  });
});

describe('the channel_update of a peer', () => {
  const told = (raw: Uint8Array) => {
    const message = decodeMessage(raw);
    if (message.name !== 'channel_update') throw new Error(message.name);
    return message;
  };
  test('is ignored for another chain and with a timestamp far in the future', async () => {
    const { own } = await ourselves();
    const plain = update('peer', 'us', scid, { dontForward: true });
    own.peerUpdate({ ...told(plain), chain_hash: unhex('00'.repeat(32)) as never }, plain, idOf('peer'));
    const far = update('peer', 'us', scid, { dontForward: true }, NOW + 2 * 86_400);
    own.peerUpdate(told(far), far, idOf('peer'));
    expect(own.peerPolicy([scid], idOf('peer'))).toBeUndefined();
    own.peerUpdate(told(plain), plain, idOf('peer'));
    expect(own.peerPolicy([scid], idOf('peer'))).toBeDefined();
    expect(nodeAnnouncement('us')).toBeDefined();
  });
});

test('a channel whose funding a reorganization moved is announced anew under its new short_channel_id', async () => {
  const moved = scidOf(TIP - 4, 1, 0);
  const { own, sent, graph } = await ourselves();
  await own.refresh(channelOf());
  await own.signatures(channelOf(), half());
  graph.removeChannel(scid);
  await own.refresh(channelOf({ scid: moved, peerScid: moved }));
  expect(of(sent, 'announcement_signatures').map((m) => m.short_channel_id)).toEqual([scid, moved]);
  await own.signatures(channelOf({ scid: moved, peerScid: moved }), half(moved));
  expect(graph.channel(moved)).toBeDefined();
});
