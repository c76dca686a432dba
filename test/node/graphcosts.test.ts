/** What a stranger's gossip may cost: look-ups, signatures, room and messages to others are bounded for each of them. */
import { describe, expect, test } from 'vitest';
import { Rates } from '../../node/base/rates.ts';
import { MAX_LOOKUPS } from '../../node/graph/fundinglookups.ts';
import { concat } from '../../wire/bytes.ts';
import { sign } from '../../wire/crypto.ts';
import { decodeMessage } from '../../wire/message.ts';
import { signedDigest } from '../../wire/signed.ts';
import { scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  filterOf,
  gossipOver,
  keyOf,
  listener,
  NOW,
  nodeAnnouncement,
  TIP,
  update,
} from '../support/graph.ts';

const scid = scidOf(100, 1, 0);

describe('announcements of channels that do not exist', () => {
  test('are looked up once, whoever sends them, until many blocks later', async () => {
    const { take, asked, clock } = gossipOver([]);
    const raw = announcement('a', 'b', scid);
    for (const from of ['p', 'p', 'q', 'r']) expect(await take(raw, from)).toBe('ignored');
    expect(asked.count).toBe(2);
    clock.height = TIP + 144;
    expect(await take(raw)).toBe('ignored');
    expect(asked.count).toBe(4);
  });

  test('under the id of one that does, between other keys, keep nobody from announcing that one', async () => {
    const { take, asked } = gossipOver([announcedOf('a', 'b', scid)]);
    const wrong = announcement('x', 'y', scid);
    expect(await take(wrong, 'p')).toBe('ignored');
    expect(asked.count).toBe(2);
    expect(await take(wrong, 'q')).toBe('ignored');
    expect(asked.count).toBe(2);
    expect(await take(announcement('a', 'b', scid), 'q')).toBe('new');
  });

  test('use up what one source may announce so, under however many node ids', async () => {
    const real = scidOf(200, 1, 0);
    const { take, asked } = gossipOver([announcedOf('a', 'b', real)]);
    for (let i = 0; i < 320; i++) await take(announcement('a', 'b', scidOf(300, i, 0)), `p${i}`, '192.0.2.1');
    expect(asked.count).toBe(600);
    expect(await take(announcement('a', 'b', real), 'another', '192.0.2.1')).toBe('ignored');
    expect(await take(announcement('a', 'b', real), 'another', '192.0.2.2')).toBe('new');
  });

  test('of blocks that are not there yet cost no look-up at all', async () => {
    const { take, asked } = gossipOver([]);
    for (const height of [TIP - 2, TIP + 1, 0xff_ffff])
      expect(await take(announcement('a', 'b', scidOf(height, 1, 0)))).toBe('ignored');
    expect(asked.count).toBe(0);
  });

  test('use up what one peer may announce so, and nobody else’s', async () => {
    const real = scidOf(200, 1, 0);
    const { take, asked, clock } = gossipOver([announcedOf('a', 'b', real)]);
    for (let i = 0; i < 320; i++) await take(announcement('a', 'b', scidOf(300, i, 0)), 'p');
    expect(asked.count).toBe(600);
    expect(await take(announcement('a', 'b', real), 'p')).toBe('ignored');
    clock.now += 10;
    expect(await take(announcement('a', 'b', real), 'p')).toBe('new');
    expect(await take(announcement('a', 'b', scidOf(301, 1, 0)), 'q')).toBe('ignored');
    expect(asked.count).toBe(604);
  });

  test('of many peers at once are looked up a few at a time', async () => {
    const { take, asked } = gossipOver([]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => take(announcement('a', 'b', scidOf(300, i, 0)), `${i}`)));
    expect(asked.count).toBe(40);
    expect(asked.most).toBe(MAX_LOOKUPS);
  });
});

describe('a node that changes its announcements again and again', () => {
  test('gets ten channel_updates accepted at once, then one a minute', async () => {
    const { gossip, graph, take, clock, pass } = gossipOver([announcedOf('a', 'b', scid)]);
    const peer = listener('p');
    await gossip.filter(peer, filterOf());
    await take(announcement('a', 'b', scid));
    const verdicts: string[] = [];
    for (let i = 0; i < 30; i++) {
      verdicts.push(await take(update('a', 'b', scid, {}, NOW + i)));
      await pass(60_000);
    }
    expect(verdicts.filter((verdict) => verdict === 'new')).toHaveLength(10);
    expect(peer.names.filter((name) => name === 'channel_update')).toHaveLength(10);
    // The other end has its own.
    expect(await take(update('b', 'a', scid))).toBe('new');
    clock.now += 60;
    expect(await take(update('a', 'b', scid, {}, NOW + 100))).toBe('new');
    expect(await take(update('a', 'b', scid, {}, NOW + 101))).toBe('ignored');
    expect(
      graph
        .channel(scid)
        ?.policies.map((one) => one?.timestamp)
        .sort(),
    ).toEqual([NOW, NOW + 100]);
  });

  test('gets ten node_announcements accepted at once', async () => {
    const { take } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    const verdicts: string[] = [];
    for (let i = 0; i < 12; i++) verdicts.push(await take(nodeAnnouncement('a', NOW + i)));
    expect(verdicts.filter((verdict) => verdict === 'new')).toHaveLength(10);
  });
});

describe('messages far longer than they need to be are neither kept nor passed on', () => {
  const longer = (raw: Uint8Array, by: number, name: string): Uint8Array => {
    const long = concat(raw, new Uint8Array(by).fill(1));
    const kind = decodeMessage(raw).name;
    if (kind !== 'channel_update' && kind !== 'node_announcement') throw new Error(kind);
    return concat(long.subarray(0, 2), sign(signedDigest(kind, long), keyOf(name)), long.subarray(66));
  };
  test.each([
    ['channel_update', () => update('a', 'b', scid), 60_000],
    ['node_announcement', () => nodeAnnouncement('a'), 60_000],
  ] as const)('%s', async (_, make, by) => {
    const { gossip, take, graph } = gossipOver([announcedOf('a', 'b', scid)]);
    await take(announcement('a', 'b', scid));
    const raw = make();
    const tell = (long: Uint8Array) =>
      gossip.handle(
        { ...decodeMessage(raw), signature: long.subarray(2, 66) } as Parameters<typeof gossip.handle>[0],
        long,
      );
    expect(await tell(longer(raw, by, 'a'))).toBe('ignored');
    expect([...graph.nodes]).toEqual([]);
    expect(graph.channel(scid)?.policies).toEqual([undefined, undefined]);
    // A little longer is a field of the future.
    expect(await tell(longer(raw, 100, 'a'))).toBe('new');
  });
});

describe('a rate', () => {
  test('lets a burst pass and then one at a time, for each key', () => {
    const rates = new Rates(2, 10);
    const does = (key: string, now: number): boolean => {
      const may = rates.allows(key, now);
      if (may) rates.count(key, now);
      return may;
    };
    expect([does('a', 0), does('a', 0), does('a', 0), does('b', 0)]).toEqual([true, true, false, true]);
    expect([does('a', 9), does('a', 10), does('a', 10)]).toEqual([false, true, false]);
    expect([does('a', 1000), does('a', 1000), does('a', 1000)]).toEqual([true, true, false]);
  });
  test('is not changed by a clock that was set back', () => {
    const rates = new Rates(1, 10);
    rates.count('a', 1000);
    expect([rates.allows('a', 500), rates.allows('a', 1009), rates.allows('a', 1010)]).toEqual([false, false, true]);
  });
});
