/** Onions seen before: remembered over a restart and for as long as they could be of use, in bounded memory and bounded turns. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OnionTable } from '../../node/forward/oniontable.ts';
import { ReplayLog, seenOnion } from '../../node/forward/replayprotection.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { sha256 } from '../../wire/crypto.ts';

const tagOf = (n: number): Uint8Array => sha256(Uint8Array.of(n, n >> 8, n >> 16));
const htlc = (id: number, channel = 'a') => ({ channel, id: BigInt(id) });

/** A log over a store, which keeps what it says. */
const logOver = async (records = new Map<string, Uint8Array>(), most?: number) => {
  const store = memoryStore(records);
  const log = await ReplayLog.load(store, most);
  return {
    log,
    records,
    see: async (n: number, id: number, until = 500, channel = 'a') => {
      const seen = log.check(tagOf(n), htlc(id, channel), until);
      if (typeof seen === 'string') return seen;
      await store.commit(seen);
      return 'new';
    },
    prune: async (height: number) => {
      const gone = log.prune(height);
      await store.commit(gone);
      return gone.length;
    },
  };
};

test('an onion that comes with another HTLC is a replay, with the same one a restart', async () => {
  const { see, records } = await logOver();
  expect([await see(1, 1), await see(1, 1), await see(1, 2), await see(2, 2)]).toEqual([
    'new',
    'known',
    'replayed',
    'new',
  ]);
  const again = await logOver(records);
  expect([await again.see(1, 1), await again.see(1, 2)]).toEqual(['known', 'replayed']);
  expect(await again.see(1, 1, 500, 'b')).toBe('replayed');
});

test('an onion is remembered up to its height, over a restart, and deleted from disk some blocks later', async () => {
  const first = await logOver();
  await first.see(1, 1, 500);
  const second = await logOver(first.records);
  await second.prune(500);
  expect(await second.see(1, 9, 500)).toBe('replayed');
  for (let height = 501; height < 506; height++) await second.prune(height);
  expect([second.log.size, second.records.size]).toEqual([0, 0]);
  expect(await second.see(1, 9, 900)).toBe('new');
});

test('an onion takes as few bytes on the disk as in memory', async () => {
  const { see, records } = await logOver();
  await see(1, 1, 500, 'a channel of a long name, as the ids of channels are');
  expect([...records].map(([key, value]) => [key.length, value.length])).toEqual([['replay/'.length + 32, 16]]);
});

test('many onions that expire together are deleted a few at a time, and all of them in the end', async () => {
  const { see, prune, log, records } = await logOver();
  const many = 3000;
  for (let n = 0; n < many; n++) await see(n, n, 500);
  const turns: number[] = [];
  for (let height = 501; log.size > 0; height++) turns.push(await prune(height));
  expect(turns.length).toBeGreaterThan(1);
  expect(turns.reduce((a, b) => a + b)).toBe(many);
  expect(records.size).toBe(0);
});

test('the number of onions is limited, in memory and on disk; a channel that brings too many loses its own', async () => {
  const { see, log, records } = await logOver(new Map(), 300);
  for (let n = 0; n < 100; n++) await see(n, n, 500, 'honest');
  for (let n = 1000; n < 3000; n++) await see(n, n, 500, 'flood');
  expect([log.size, records.size]).toEqual([300, 300]);
  let kept = 0;
  for (let n = 0; n < 100; n++) if ((await see(n, 5000 + n, 500, 'honest')) === 'replayed') kept++;
  // Only where none of the flood stood near was one of another channel forgotten.
  expect(kept).toBeGreaterThan(90);
});

test('onions on disk beyond the limit are dropped when they are read, and deleted with the next blocks', async () => {
  const { see, records } = await logOver();
  for (let n = 0; n < 200; n++) await see(n, n);
  const small = await logOver(records, 50);
  expect(small.log.size).toBe(50);
  await small.prune(400);
  expect(records.size).toBe(50);
});

describe('a table of onions', () => {
  test('finds what was added and not taken away, whatever came and went in between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.boolean()), { maxLength: 400 }), (moves) => {
        const table = new OnionTable();
        const model = new Map<number, number>();
        // Tags that all begin at one of few places, so that they stand in each other's way.
        const seenOf = (n: number, until: number) => {
          const seen = seenOnion(tagOf(n), htlc(n), until);
          return { ...seen, tag: [seen.tag[0], seen.tag[1], seen.tag[2], n % 3] as const };
        };
        for (const [i, [n, adds]] of moves.entries()) {
          const there = table.find(seenOf(n, 1).tag);
          expect(there?.expiresAt).toBe(model.get(n));
          if (adds && there === undefined) {
            table.add(seenOf(n, i + 1));
            model.set(n, i + 1);
          }
          if (adds || there === undefined) continue;
          const place = Array.from({ length: table.capacity }, (_, at) => at).find(
            (at) => table.at(at)?.expiresAt === there.expiresAt,
          );
          table.remove(place ?? -1);
          model.delete(n);
        }
        expect(table.size).toBe(model.size);
        for (const [n, until] of model) expect(table.find(seenOf(n, 1).tag)).toEqual(seenOf(n, until));
      }),
    );
  });
});
