/** Answers to questions about the graph. */
import { describe, expect, test } from 'vitest';
import { ourSide } from '../../node/graph/gossipsignatures.ts';
import { Graph } from '../../node/graph/graph.ts';
import { channelRangeReplies, isWellFormed, MAX_IDS, shortChannelIdReplies } from '../../node/graph/queries.ts';
import { channelUpdateChecksum } from '../../wire/checksum.ts';
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES } from '../../wire/message.ts';
import { type ShortChannelId, sat, scidOf, txid } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  chainHash,
  gossipOver,
  idOf,
  NOW,
  nodeAnnouncement,
  update,
} from '../support/graph.ts';

const scid = scidOf(100, 1, 0);

/** A graph of channels that nobody looks at closely. */
const graphOf = (ids: readonly ShortChannelId[]): Graph => {
  const graph = new Graph();
  for (const [i, id] of ids.entries())
    graph.addChannel({
      scid: id,
      nodes: ['a', 'b'],
      capacity: sat(1n),
      funding: { txid: txid(new Uint8Array(32)), vout: i },
      policies: [undefined, undefined],
    });
  return graph;
};
const range = (first: number, count: number) =>
  ({ name: 'query_channel_range', chain_hash: chainHash, first_blocknum: first, number_of_blocks: count }) as const;
const asked = (graph: Graph) => ({ graph, chainHash, now: NOW });

describe('query_channel_range', () => {
  const many = Array.from({ length: 5 }, (_, i) => scidOf(100 + i, 1, 0));

  test('is answered with the channels of these blocks', () => {
    const replies = [...channelRangeReplies(asked(graphOf(many)), range(101, 3))];
    expect(replies.flatMap((reply) => reply.encoded_short_ids)).toEqual(many.slice(1, 4));
    expect(replies).toMatchObject([{ first_blocknum: 101, number_of_blocks: 3, sync_complete: 1 }]);
  });

  test('beyond what fits a message is answered in several, of which only the last says that it is', () => {
    // Three channels a block, so that a block's channels do not fit between two replies.
    const ids = Array.from({ length: 2 * MAX_IDS + 1 }, (_, i) => scidOf(1000 + Math.floor(i / 3), i % 3, 0));
    const replies = [...channelRangeReplies(asked(graphOf(ids)), range(0, 0xffff_ffff))];
    expect(replies.flatMap((reply) => reply.encoded_short_ids)).toEqual(ids);
    expect(replies.map((reply) => reply.sync_complete)).toEqual([0, 0, 1]);
    let covered = 0;
    for (const reply of replies) {
      expect(encodeMessage(reply).length).toBeLessThan(MAX_MESSAGE_BYTES);
      expect(reply.first_blocknum).toBeLessThanOrEqual(covered);
      covered = reply.first_blocknum + reply.number_of_blocks;
      const heights = reply.encoded_short_ids.map((id) => Number(id >> 40n));
      expect(Math.min(...heights)).toBeGreaterThanOrEqual(reply.first_blocknum);
      expect(Math.max(...heights)).toBeLessThan(covered);
    }
    expect(covered).toBe(0xffff_ffff);
  });

  test('for blocks without channels, or another chain, is answered with none', () => {
    const graph = graphOf(many);
    expect([...channelRangeReplies(asked(graph), range(500, 10))]).toMatchObject([
      { encoded_short_ids: [], sync_complete: 1 },
    ]);
    const foreign = { ...range(0, 1000), chain_hash: new Uint8Array(32) as never };
    expect([...channelRangeReplies(asked(graph), foreign)]).toMatchObject([{ encoded_short_ids: [] }]);
  });

  test.each([
    [100, 0],
    [100, 1],
    [0xffff_ffff, 0],
    [0xffff_ffff, 0xffff_ffff],
  ])('from block %d on for %d is answered for one block at least, and ends where it ends', (first, count) => {
    const [reply, ...more] = [...channelRangeReplies(asked(graphOf(many)), range(first, count))];
    if (reply === undefined) throw new Error('no reply');
    expect(more).toEqual([]);
    expect(reply.sync_complete).toBe(1);
    expect(reply.encoded_short_ids).toEqual(first === 100 ? many.slice(0, 1) : []);
    expect(reply.first_blocknum).toBeLessThanOrEqual(first);
    expect(reply.first_blocknum + reply.number_of_blocks).toBeGreaterThanOrEqual(first + Math.max(1, count));
    expect(decodeMessage(encodeMessage(reply))).toMatchObject({ name: 'reply_channel_range' });
  });

  test.each([
    ['nothing more where it asks for nothing', undefined, []],
    ['timestamps', 1n, ['timestamps_tlv']],
    ['checksums', 2n, ['checksums_tlv']],
    ['both, and nothing that is not known here', 0xffff_fffbn, ['timestamps_tlv', 'checksums_tlv']],
  ] as const)('is answered with %s', async (_, query_option, fields) => {
    const { graph, take } = gossipOver(many.map((id) => announcedOf('a', 'b', id)));
    for (const id of many.slice(0, 3)) await take(announcement('a', 'b', id));
    const [both, one] = [many[0] ?? scid, many[1] ?? scid];
    const raws = [update('a', 'b', both), update('b', 'a', both, {}, NOW + 1), update('a', 'b', one, {}, NOW + 2)];
    for (const raw of raws) await take(raw);
    const side = ourSide(idOf('a'), idOf('b'));
    const inOrder = <T>(pair: readonly [T, T]) => (side === 0 ? pair : pair.toReversed());
    const sums = raws.map(channelUpdateChecksum);
    const expected = {
      timestamps_tlv: [inOrder([NOW, NOW + 1]), inOrder([NOW + 2, 0]), [0, 0]],
      checksums_tlv: [inOrder([sums[0], sums[1]]), inOrder([sums[2], 0]), [0, 0]],
    };
    const asking = { ...range(0, 1000), ...(query_option !== undefined && { query_option }) };
    const [reply] = [...channelRangeReplies(asked(graph), asking)];
    const got = Object.entries(reply ?? {}).filter(([name]) => name.endsWith('_tlv'));
    expect(got.map(([name]) => name)).toEqual(fields);
    for (const [name, list] of got as [keyof typeof expected, object[]][])
      expect(list.map((pair) => Object.values(pair))).toEqual(expected[name]);
    if (reply !== undefined) expect(decodeMessage(encodeMessage(reply))).toEqual(reply);
  });

  test('fits a message with all that may be asked of each channel', () => {
    const ids = Array.from({ length: MAX_IDS }, (_, i) => scidOf(1000 + i, 1, 0));
    const [reply, ...more] = [
      ...channelRangeReplies(asked(graphOf(ids)), { ...range(0, 0xffff_ffff), query_option: 3n }),
    ];
    if (reply === undefined) throw new Error('no reply');
    expect(more).toEqual([]);
    expect(encodeMessage(reply).length).toBeLessThan(MAX_MESSAGE_BYTES);
  });

  test('tells nothing of a policy that was not renewed for two weeks, as it is not sent either', async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    for (const raw of [announcement('a', 'b', scid), update('a', 'b', scid), update('b', 'a', scid, {}, NOW + 5)])
      await take(raw);
    const later = { graph, chainHash, now: NOW + 14 * 86_400 };
    const [reply] = [...channelRangeReplies(later, { ...range(0, 1000), query_option: 3n })];
    const [times, sums] = [reply?.timestamps_tlv ?? [], reply?.checksums_tlv ?? []].map((list) =>
      Object.values(list[0] ?? {}).filter((value) => value !== 0),
    );
    expect(times).toEqual([NOW + 5]);
    expect(sums).toEqual([channelUpdateChecksum(update('b', 'a', scid))]);
  });

  test('passes over channels that are spent, and those that both ends have left', async () => {
    const { graph, take } = gossipOver(many.map((id) => announcedOf('a', 'b', id)));
    for (const id of many) await take(announcement('a', 'b', id));
    graph.setSpent(many[0] ?? scid, 900);
    await take(update('a', 'b', many[1] ?? scid));
    const later = { graph, chainHash, now: NOW + 14 * 86_400 };
    const ids = [...channelRangeReplies(later, range(0, 1000))].flatMap((reply) => reply.encoded_short_ids);
    expect(ids).toEqual(many.slice(2));
  });
});

describe('query_short_channel_ids', () => {
  const full = async () => {
    const { graph, take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const)
      await take(update(from, to, scid));
    for (const name of ['a', 'b']) await take(nodeAnnouncement(name));
    return graph;
  };
  const query = (ids: readonly ShortChannelId[], flags?: readonly bigint[]) =>
    ({
      name: 'query_short_channel_ids',
      chain_hash: chainHash,
      encoded_short_ids: ids,
      ...(flags && { query_flags: flags }),
    }) as const;
  const names = (graph: Graph, ...of: Parameters<typeof query>) =>
    [...shortChannelIdReplies(asked(graph), query(...of))].map((raw) => decodeMessage(raw).name);
  const [A, U, N, END] = ['channel_announcement', 'channel_update', 'node_announcement', 'reply_short_channel_ids_end'];

  test('is answered with all of a channel, and unknown ids with nothing', async () => {
    const graph = await full();
    expect(names(graph, [scidOf(1, 1, 1), scid])).toEqual([A, U, U, N, N, END]);
    expect(names(graph, [scidOf(1, 1, 1)])).toEqual([END]);
  });

  test('about another chain is answered with nothing, and says so', async () => {
    const foreign = { ...query([scid]), chain_hash: new Uint8Array(32) as never };
    const answers = (given: typeof foreign) =>
      [...shortChannelIdReplies(asked(graph), given)].map((raw) => decodeMessage(raw));
    const graph = await full();
    expect(answers(foreign)).toMatchObject([{ name: END, chain_hash: new Uint8Array(32), full_information: 0 }]);
    expect(answers(query([scid]) as typeof foreign).at(-1)).toMatchObject({ name: END, full_information: 1 });
  });

  test('for one id thousands of times is answered once', async () => {
    expect(
      names(
        await full(),
        Array.from({ length: 8000 }, () => scid),
      ),
    ).toEqual([A, U, U, N, N, END]);
  });

  test.each([
    [1n, [A]],
    [2n, [U]],
    [4n, [U]],
    [8n, [N]],
    [16n, [N]],
    [0n, []],
    [6n, [U, U]],
    [31n, [A, U, U, N, N]],
  ])('with flags %i is answered with what they ask for', async (flags, expected) => {
    expect(names(await full(), [scid], [flags])).toEqual([...expected, END]);
  });

  test('with flags for the one end tells of that end', async () => {
    const graph = await full();
    for (const side of [0, 1] as const) {
      const [raw] = shortChannelIdReplies(asked(graph), query([scid], [2n << BigInt(side)]));
      expect(raw).toEqual(graph.rawPolicy(scid, side));
    }
  });

  test('needs a flag for each id, where there are any', () => {
    expect(isWellFormed(query([scid]))).toBe(true);
    expect(isWellFormed(query([scid], [1n]))).toBe(true);
    expect(isWellFormed(query([scid], [1n, 1n]))).toBe(false);
    expect(isWellFormed(query([scid, scid], [1n]))).toBe(false);
  });
});
