/** A disk that does not sync the file of gossip while something is written to it. */
import { expect, test } from 'vitest';
import { RETRY_MS } from '../../node/graph/gossiplog.ts';
import type { Graph } from '../../node/graph/graph.ts';
import type { GossipFiles } from '../../node/ports/ports.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, reloaded, storedGossipOver, update } from '../support/graph.ts';

const id = scidOf(100, 1, 0);
const policies = (graph: Graph) => [graph.rawPolicy(id, 0), graph.rawPolicy(id, 1)];

test('the file of gossip is not cut under a write that is under way when a sync fails, and is tried again once', async () => {
  const gossip: MemoryDisk = new Map();
  const kept = gossipFilesInMemory(gossip);
  const held = { write: Promise.resolve(), syncs: false };
  const cuts: number[] = [];
  const files: GossipFiles = {
    ...kept,
    open: async () => {
      const file = await kept.open();
      return {
        ...file,
        write: async (at, bytes) => {
          await held.write;
          await file.write(at, bytes);
        },
        sync: async () => {
          await new Promise(setImmediate);
          if (held.syncs) throw new Error('no sync');
        },
        truncate: async (size) => {
          cuts.push(size);
          await file.truncate(size);
        },
      };
    },
  };
  const { graph, store, take, messages, pass } = await storedGossipOver([announcedOf('a', 'b', id)], files);
  await take(announcement('a', 'b', id));
  await take(update('a', 'b', id));
  await messages.flush();
  const before = cuts.length;
  held.syncs = true;
  const synced = messages.sync(messages.failures);
  await Promise.resolve();
  let write = (): void => undefined;
  held.write = new Promise((resolve) => {
    write = resolve;
  });
  await take(update('b', 'a', id));
  const flushed = messages.flush();
  for (let n = 0; n < 5; n++) await new Promise(setImmediate);
  // Readable while it is written, and not given up.
  expect(policies(graph)).not.toContain(undefined);
  write();
  held.syncs = false;
  await flushed;
  expect(await synced).toBe(false);
  await pass(RETRY_MS);
  expect(cuts.slice(before)).toEqual([messages.end]);
  expect(policies(await reloaded({ store, gossip }))).toEqual(policies(graph));
});
