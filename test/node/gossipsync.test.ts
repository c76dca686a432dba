/** Whom a node asks for gossip, what for, and what it does about peers that answer badly. */
import { describe, expect, test } from 'vitest';
import { BATCH, LISTS, NEWS, RENEW_SECONDS, STALL_SECONDS } from '../../node/graph/gossipsync.ts';
import { MAX_LISTED, MAX_REPLIES, MAX_SECONDS } from '../../node/graph/rangeanswer.ts';
import { GATHER_SECONDS, MAX_UNKNOWN } from '../../node/graph/unknownchannels.ts';
import { hex } from '../../wire/bytes.ts';
import type { MessageOf } from '../../wire/message.ts';
import { scidOf } from '../../wire/units.ts';
import { type Asked, answerWith, asker, ids, reply, server } from '../support/gossipsync.ts';
import { chainHash, idOf, NOW, TIP, update } from '../support/graph.ts';

describe('a peer that offers gossip_queries_ex', () => {
  test('is asked for its list with timestamps and checksums, then for what is not known, then for its nodes, then for news', async () => {
    const known = ids(4);
    const [served, us] = [await server(known), asker(known)];
    const peer = us.peer('peer');
    expect(peer.last()).toEqual({
      ...{ name: 'query_channel_range', chain_hash: chainHash, first_blocknum: 0 },
      ...{ number_of_blocks: 0xffff_ffff, query_option: 3n },
    });
    const sent = await answerWith(us, peer, served);
    expect(us.graph.size).toEqual({ channels: 4, nodes: 2 });
    expect(sent.filter((name) => name === 'channel_announcement')).toHaveLength(4);
    expect(sent.filter((name) => name === 'channel_update')).toHaveLength(8);
    // Each node once, though it has four channels.
    expect(sent.filter((name) => name === 'node_announcement')).toHaveLength(2);
  });

  test('sends a node that was away what changed alone', async () => {
    const known = ids(5);
    const [served, us] = [await server(known), await server(known.slice(0, 4), known)];
    const [first, second] = known;
    if (first === undefined || second === undefined) throw new Error('no ids');
    // One policy was signed again with the same terms, another changed.
    await served.take(update('a', 'b', first, {}, NOW + 60));
    await served.take(update('b', 'a', second, { feeBase: 77n }, NOW + 60));
    served.clock.now = us.clock.now = NOW + 100;
    const peer = us.peer('peer');
    const sent = await answerWith(us, peer, served);
    expect(sent.filter((name) => !name.startsWith('reply'))).toEqual([
      ...['channel_update', 'channel_announcement', 'channel_update', 'channel_update'],
    ]);
    expect(us.graph.size.channels).toBe(5);
    const fees = us.graph.channel(second)?.policies.map((policy) => policy?.feeBase);
    expect(fees).toContain(77n);
  });

  test('sends a policy that states the same again once ours is a week old, before it counts as abandoned', async () => {
    const [one] = ids(1);
    if (one === undefined) throw new Error('no id');
    const [served, us] = [await server([one]), await server([one])];
    const at = NOW + 8 * 86_400;
    served.clock.now = us.clock.now = at;
    await served.take(update('a', 'b', one, {}, at));
    const sent = await answerWith(us, us.peer('peer'), served);
    expect(sent.filter((name) => name === 'channel_update')).toHaveLength(1);
  });

  test('is asked for a batch at a time, each after the end of the one before', async () => {
    const us = asker([]);
    const peer = us.peer('peer');
    const many = ids(BATCH + 1);
    const timestamps_tlv = many.map(() => ({ timestamp_node_id_1: NOW, timestamp_node_id_2: 0 }));
    us.sync.rangeReply(peer.id, reply({ encoded_short_ids: many.map((_, i) => scidOf(1 + i, 0, 0)), timestamps_tlv }));
    const queries = () =>
      peer.asked.flatMap((m) => (m.name === 'query_short_channel_ids' ? [m.encoded_short_ids.length] : []));
    expect(queries()).toEqual([BATCH]);
    us.sync.heard(peer.id, true);
    await us.sync.idsEnd(peer.id, Promise.resolve());
    expect(queries()).toEqual([BATCH, 1]);
  });

  test('is not asked for channels that both ends have left', () => {
    const us = asker([]);
    const peer = us.peer('peer');
    const old = NOW - 14 * 86_400;
    us.sync.rangeReply(
      peer.id,
      reply({
        encoded_short_ids: ids(2),
        timestamps_tlv: [
          { timestamp_node_id_1: old, timestamp_node_id_2: 0 },
          { timestamp_node_id_1: 0, timestamp_node_id_2: 0 },
        ],
      }),
    );
    expect(peer.names()).toEqual(['query_channel_range', 'gossip_timestamp_filter']);
  });
});

describe('a channel that was listed and never shown', () => {
  const listed = (time: number) =>
    reply({
      encoded_short_ids: [scidOf(5, 5, 0)],
      timestamps_tlv: [{ timestamp_node_id_1: time, timestamp_node_id_2: time - 1 }],
    });
  test('is asked of others, for it may be a lie, and of that peer only once it claims something newer', async () => {
    const us = asker([]);
    const asks = async (name: string, time: number) => {
      const peer = us.peer(name);
      us.sync.rangeReply(peer.id, listed(time));
      const was = peer.names().includes('query_short_channel_ids');
      await us.sync.idsEnd(peer.id, Promise.resolve());
      us.sync.forget(peer.id);
      return was;
    };
    expect(await asks('one', NOW)).toBe(true);
    expect(await asks('one', NOW)).toBe(false);
    us.wait(RENEW_SECONDS + 1);
    expect(await asks('two', NOW)).toBe(true);
    expect(await asks('two', NOW)).toBe(false);
    us.wait(RENEW_SECONDS + 1);
    expect(await asks('two', NOW + 1)).toBe(true);
  });

  test('but was taken out as out of date is asked of nobody until something newer is claimed of it', () => {
    const us = asker([]);
    us.sync.wants.left(scidOf(5, 5, 0), NOW);
    const [first, second] = [us.peer('first'), us.peer('second')];
    us.sync.rangeReply(first.id, listed(NOW));
    us.sync.rangeReply(second.id, listed(NOW + 1));
    expect(first.names()).not.toContain('query_short_channel_ids');
    expect(second.names()).toContain('query_short_channel_ids');
  });

  test('is asked for again if it was only too young', async () => {
    const us = asker([]);
    us.clock.height = 3;
    const first = us.peer('first');
    us.sync.rangeReply(first.id, listed(NOW));
    await us.sync.idsEnd(first.id, Promise.resolve());
    us.clock.height = TIP;
    const second = us.peer('second');
    us.sync.rangeReply(second.id, listed(NOW));
    expect(second.names()).toContain('query_short_channel_ids');
  });
});

describe('a peer without gossip_queries_ex', () => {
  test('that lists much more than is known sends everything', () => {
    const us = asker([]);
    const peer = us.peer('peer', false);
    expect(peer.last()).not.toHaveProperty('query_option');
    us.sync.rangeReply(peer.id, reply({ encoded_short_ids: ids(5) }));
    expect(peer.asked.slice(1)).toEqual([
      {
        ...{ name: 'gossip_timestamp_filter', chain_hash: chainHash },
        ...{ first_timestamp: 0, timestamp_range: 0xffff_ffff },
      },
    ]);
  });

  test('that lists a little more is asked for that, and sends what came since this node was last here', async () => {
    const known = ids(20);
    const us = await server(known.slice(0, 19));
    const peer = us.peer('peer', false);
    us.clock.now += 10 * 86_400;
    us.sync.rangeReply(peer.id, reply({ encoded_short_ids: known }));
    const [, filter, query] = peer.asked;
    expect(filter).toMatchObject({ name: 'gossip_timestamp_filter', first_timestamp: NOW - 86_400 });
    expect(query).toEqual({
      ...{ name: 'query_short_channel_ids', chain_hash: chainHash, encoded_short_ids: known.slice(19) },
    });
  });
});

describe('of many peers', () => {
  test('one is asked at a time, two in all, those first that say what changed; a few send news, the rest nothing', async () => {
    const us = asker([]);
    us.state.isSynced = false;
    const plain = Array.from({ length: 8 }, (_, i) => us.peer(`plain ${i}`, false));
    const extended = us.peer('extended');
    const all = [extended, ...plain];
    expect(all.every(({ asked }) => asked.length === 0)).toBe(true);
    us.state.isSynced = true;
    us.wait(1);
    const order: Asked[] = [];
    const isAsked = (one: Asked) => one.names().includes('query_channel_range') && !order.includes(one);
    for (let [one] = all.filter(isAsked); one !== undefined; [one] = all.filter(isAsked)) {
      expect(all.filter(isAsked)).toHaveLength(1);
      order.push(one);
      us.sync.rangeReply(one.id, reply());
    }
    expect(order).toHaveLength(LISTS);
    expect(order[0]).toBe(extended);
    const filtered = all.filter((one) => one.names().includes('gossip_timestamp_filter'));
    expect(filtered).toHaveLength(NEWS);
    const silent = all.filter((one) => one.asked.length === 0);
    expect(silent).toHaveLength(all.length - NEWS);
    // Whoever leaves is replaced.
    const [gone] = filtered;
    if (gone !== undefined) us.sync.forget(gone.id);
    expect(silent.filter((one) => one.names().includes('gossip_timestamp_filter'))).toHaveLength(1);
  });

  test('others are asked after an hour', () => {
    const us = asker([]);
    const peers = Array.from({ length: 4 }, (_, i) => us.peer(`peer ${i}`));
    const list = (): readonly Asked[] => {
      const asked: Asked[] = [];
      for (;;) {
        const one = peers.find((peer) => peer.names().includes('query_channel_range'));
        if (one === undefined) return asked;
        one.asked.length = 0;
        us.sync.rangeReply(one.id, reply());
        asked.push(one);
      }
    };
    const first = list();
    us.wait(RENEW_SECONDS + 1);
    const second = list();
    expect([...first, ...second].map(({ id }) => hex(id)).toSorted()).toEqual(
      peers.map(({ id }) => hex(id)).toSorted(),
    );
  });

  test('all are asked for everything in a small network', () => {
    const us = asker([], 1000);
    const peers = Array.from({ length: 7 }, (_, i) => us.peer(`peer ${i}`, i % 2 === 0));
    for (let left: Asked[] = peers; left.length > 0; ) {
      // Those that can say what changed come first.
      const one = left.find(({ asked }) => asked.length === 1);
      if (one === undefined) throw new Error('nobody is asked');
      us.sync.rangeReply(one.id, reply({ encoded_short_ids: ids(left.length) }));
      left = left.filter((other) => other !== one);
    }
    for (const peer of peers)
      expect(peer.asked.slice(1)).toMatchObject([{ name: 'gossip_timestamp_filter', first_timestamp: 0 }]);
  });
});

describe('a peer that answers badly', () => {
  const bad: readonly (readonly [string, readonly Partial<MessageOf<'reply_channel_range'>>[]])[] = [
    ['goes backwards', [{ first_blocknum: 500, number_of_blocks: 10, sync_complete: 0 }, { first_blocknum: 0 }]],
    ['lists a channel outside of its blocks', [{ number_of_blocks: 100, encoded_short_ids: ids(1) }]],
    ['lists a channel twice', [{ encoded_short_ids: [...ids(1), ...ids(1)] }]],
    [
      'lists a channel again',
      [
        { number_of_blocks: 200, sync_complete: 0, encoded_short_ids: ids(2) },
        { first_blocknum: 100, encoded_short_ids: ids(1) },
      ],
    ],
    ['names another chain', [{ chain_hash: new Uint8Array(32) as never }]],
    ['has no timestamp for a channel', [{ encoded_short_ids: ids(1), timestamps_tlv: [] }]],
    ['has no checksum for a channel', [{ encoded_short_ids: ids(1), checksums_tlv: [] }]],
    ['begins behind the end', [{ first_blocknum: 0xffff_ffff, number_of_blocks: 1 }]],
    ['covers no block', [{ number_of_blocks: 0 }]],
    [
      'lists more channels than there can be',
      [{ encoded_short_ids: Array.from({ length: MAX_LISTED + 1 }, (_, i) => scidOf(1, i, 0)) }],
    ],
    ['never ends', Array.from({ length: MAX_REPLIES + 1 }, () => ({ number_of_blocks: 1, sync_complete: 0 }))],
  ];
  test.each(bad)('and %s is told so, and the next one is asked', (_, replies) => {
    const us = asker([]);
    const [first, second] = [us.peer('first'), us.peer('second')];
    const faults = replies.map((one) => us.sync.rangeReply(first.id, reply(one)));
    expect(faults.slice(0, -1).every((fault) => fault === undefined)).toBe(true);
    expect(faults.at(-1)).toContain('reply_channel_range: ');
    expect(second.names()).toEqual(['query_channel_range']);
    expect(us.sync.rangeReply(first.id, reply())).toBeUndefined();
    expect(second.names()).toEqual(['query_channel_range']);
  });

  test('in that it does not answer is replaced, and one that goes on sending is not', () => {
    const us = asker([]);
    const [first, second] = [us.peer('first'), us.peer('second')];
    us.wait(STALL_SECONDS - 1);
    us.sync.rangeReply(first.id, reply({ number_of_blocks: 1, sync_complete: 0 }));
    us.wait(STALL_SECONDS - 1);
    expect(second.asked).toEqual([]);
    us.wait(1);
    expect(second.names()).toEqual(['query_channel_range']);
  });

  test('in that it goes on sending and comes to no end is replaced, too', () => {
    const us = asker([]);
    const [first, second] = [us.peer('first'), us.peer('second')];
    for (let passed = 0; passed < MAX_SECONDS; passed += STALL_SECONDS / 2) {
      expect(second.asked).toEqual([]);
      us.sync.heard(first.id, true);
      us.wait(STALL_SECONDS / 2);
    }
    expect(second.names()).toEqual(['query_channel_range']);
  });

  test('and is the only one sends everything of itself', () => {
    const us = asker([]);
    const peer = us.peer('peer');
    us.wait(STALL_SECONDS);
    expect(peer.last()).toMatchObject({ name: 'gossip_timestamp_filter', first_timestamp: 0 });
  });

  test('in that it shows nothing of what it listed is replaced after one batch', async () => {
    const us = asker([]);
    const [first, second] = [us.peer('first'), us.peer('second')];
    const many = Array.from({ length: 3 * BATCH }, (_, i) => scidOf(1 + i, 0, 0));
    const timestamps_tlv = many.map(() => ({ timestamp_node_id_1: NOW, timestamp_node_id_2: 0 }));
    us.sync.rangeReply(first.id, reply({ encoded_short_ids: many, timestamps_tlv }));
    await us.sync.idsEnd(first.id, Promise.resolve());
    expect(first.names().filter((name) => name === 'query_short_channel_ids')).toHaveLength(1);
    expect(second.names()).toEqual(['query_channel_range']);
  });

  test('while it is being asked and leaves is replaced at once', () => {
    const us = asker([]);
    const [first, second] = [us.peer('first'), us.peer('second')];
    us.sync.forget(first.id);
    expect(second.names()).toEqual(['query_channel_range']);
  });

  test('by answering what nobody asked changes nothing', async () => {
    const us = asker([]);
    us.state.isSynced = false;
    const peer = us.peer('peer');
    expect(us.sync.rangeReply(peer.id, reply({ encoded_short_ids: ids(3) }))).toBeUndefined();
    await us.sync.idsEnd(peer.id, Promise.resolve());
    await us.sync.idsEnd(idOf('stranger'), Promise.resolve());
    expect(peer.asked).toEqual([]);
  });
});

test('the peer that sends updates of channels that are not known is asked for those, a limited number, once', () => {
  const us = asker([]);
  const [peer, other] = [us.peer('peer'), us.peer('other')];
  us.sync.rangeReply(peer.id, reply());
  us.sync.rangeReply(other.id, reply());
  peer.asked.length = 0;
  for (const scid of ids(MAX_UNKNOWN + 5, 1).toReversed()) us.sync.unknownChannel(peer.id, scid, NOW);
  us.wait(GATHER_SECONDS - 1);
  expect(peer.asked).toEqual([]);
  us.wait(1);
  const [query] = peer.asked;
  if (query?.name !== 'query_short_channel_ids') throw new Error('no query');
  expect(query.encoded_short_ids).toHaveLength(MAX_UNKNOWN);
  expect(query.encoded_short_ids).toEqual(query.encoded_short_ids.toSorted((a, b) => (a < b ? -1 : 1)));
  expect(other.names()).not.toContain('query_short_channel_ids');
});
