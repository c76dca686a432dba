/** Reading the channels of a store at the start: all of each but its past, and nothing of those that are over. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadChannelRecords, overMark } from '../../node/channels/load.ts';
import { memoryStore } from '../../node/store/memory.ts';

const key = fc.stringMatching(/^[0-9a-f]{4}$/);
const name = fc.constantFrom(
  'static',
  'head',
  'htlc/in/0',
  'onion/in/0',
  'past/in/1',
  'past/out/77',
  'phase',
  'secret/0',
);

test('every record of every channel is read that is not over, but for past HTLCs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(key, name), { selector: String }),
      fc.func(fc.boolean()),
      async (kept, isOver) => {
        const records = new Map(kept.map(([channel, record], n) => [`channel/${channel}/${record}`, Uint8Array.of(n)]));
        records.set('chain/1', new Uint8Array());
        records.set('channels', new Uint8Array());
        for (const [channel] of kept) if (isOver(channel)) records.set(overMark(channel).key, new Uint8Array());
        const read = await loadChannelRecords(memoryStore(records));
        const flat = [...read].flatMap(([channel, own]) => [...own.keys()].map((record) => `${channel} ${record}`));
        const wanted = kept
          .filter(([channel, record]) => !record.startsWith('past/') && !isOver(channel))
          .map(([channel, record]) => `${channel} ${record}`);
        expect(flat.sort()).toEqual(wanted.sort());
      },
    ),
  );
});
