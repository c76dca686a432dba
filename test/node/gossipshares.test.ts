/** What peers share: places for gossip, out of which nobody can keep the others, and the turn to be asked. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NEWS } from '../../node/graph/gossipsync.ts';
import { SharedPlaces } from '../../node/graph/shares.ts';
import { GATHER_SECONDS, MAX_UNKNOWN, UnknownChannels } from '../../node/graph/unknownchannels.ts';
import { YoungGossip } from '../../node/graph/younggossip.ts';
import { decodeMessage } from '../../wire/message.ts';
import { scidOf } from '../../wire/units.ts';
import { type Asked, asker, reply } from '../support/gossipsync.ts';
import { announcement, idOf } from '../support/graph.ts';

test('where all places are taken the oldest of whoever has most is given up, whatever came and went before', () => {
  const take = fc.record({ key: fc.nat(9), holder: fc.constantFrom('a', 'b', 'c'), isGone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(take), (steps) => {
      const places = new SharedPlaces<number, string>(5);
      let kept: (readonly [key: number, holder: string])[] = [];
      for (const { key, holder, isGone } of steps) {
        kept = kept.filter(([one]) => one !== key);
        if (isGone) places.delete(key);
        else {
          places.set(key, holder, holder);
          kept.push([key, holder]);
        }
        const of = (name: string): number => kept.filter(([, one]) => one === name).length;
        const most = Math.max(...['a', 'b', 'c'].map(of));
        if (kept.length > 5)
          kept.splice(
            kept.findIndex(([, one]) => of(one) === most),
            1,
          );
        expect([...places]).toEqual(kept);
      }
    }),
  );
});

test('a peer that names any number of unknown channels leaves room for those of others, before and after', () => {
  const unknown = new UnknownChannels();
  unknown.add(scidOf(1, 0, 0), 'honest', 0);
  for (let n = 0; n < 3 * MAX_UNKNOWN; n++) unknown.add(scidOf(100, n, 0), 'busy', 0);
  unknown.add(scidOf(2, 0, 0), 'honest', 0);
  const taken = [unknown.take(GATHER_SECONDS), unknown.take(GATHER_SECONDS)];
  const sizes = Object.fromEntries(taken.map((one) => [one?.from, one?.ids.length]));
  expect(sizes).toEqual({ honest: 2, busy: MAX_UNKNOWN - 2 });
});

test('announcements of young channels from one source do not push out those of another', () => {
  const young = new YoungGossip();
  const keep = (n: number, from: string, source?: string) => {
    const raw = announcement('a', 'b', scidOf(100, n, 0));
    const message = decodeMessage(raw);
    if (message.name !== 'channel_announcement') throw new Error('expected a channel_announcement');
    young.keepChannel({ message, raw, from: idOf(from), source }, 100);
  };
  keep(0, 'honest');
  // Of node ids it can have as many as it likes.
  for (let n = 1; n <= 520; n++) keep(n, `made up ${n}`, '203.0.113.7');
  const channels = young.take(() => false);
  expect(channels).toHaveLength(500);
  expect(channels[0]?.message.short_channel_id).toBe(scidOf(100, 0, 0));
});

test('peers that this node connected to come before those that connected to it, for lists and for news', () => {
  const us = asker([]);
  us.state.isSynced = false;
  const strangers = Array.from({ length: 8 }, (_, i) => us.peer(`stranger ${i}`, true, false));
  const chosen = Array.from({ length: 3 }, (_, i) => us.peer(`chosen ${i}`, i === 2));
  us.state.isSynced = true;
  us.wait(1);
  const listing = (one: Asked) => one.names().includes('query_channel_range');
  expect(chosen.map(listing)).toEqual([false, false, true]);
  us.sync.rangeReply(chosen[2]?.id ?? idOf('nobody'), reply());
  for (const one of chosen.slice(0, 2)) if (listing(one)) us.sync.rangeReply(one.id, reply());
  const news = (one: Asked) => one.names().includes('gossip_timestamp_filter');
  expect(chosen.map(news)).toEqual([true, true, true]);
  expect(strangers.some(listing)).toBe(false);
  expect(strangers.filter(news)).toHaveLength(NEWS - 3);
});
