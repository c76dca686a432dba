/** The file of gossip is written anew while the disk fills up: what is lost is lost, and nothing stands in its place. */
import { expect, test } from 'vitest';
import { HEADER } from '../../node/graph/gossiprecords.ts';
import type { GossipFiles, GrowingFile } from '../../node/ports/ports.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { hex } from '../../wire/bytes.ts';
import { scidOf } from '../../wire/units.ts';
import { announcedOf, announcement, graphOn, NOW, storedGossipOver, update } from '../support/graph.ts';

const scid = scidOf(100, 1, 0);
const other = scidOf(101, 1, 0);

test('what comes while it is written anew, and cannot be copied, is not mistaken for what comes then', async () => {
  const gossip: MemoryDisk = new Map();
  const kept = gossipFilesInMemory(gossip);
  const state = { isFull: false };
  let during: () => Promise<unknown> = () => Promise.resolve();
  const limited = (file: GrowingFile): GrowingFile => ({
    ...file,
    write: async (at, bytes) => {
      await file.write(at, bytes);
      if (state.isFull && at > HEADER) throw new Error('no space');
    },
  });
  const files: GossipFiles = {
    ...kept,
    create: async () => limited(await kept.create()),
    replace: async () => {
      await kept.replace();
      await during();
    },
  };
  const over = await storedGossipOver(
    [scid, other].map((id) => announcedOf('a', 'b', id)),
    files,
  );
  const { take, graph, messages } = over;
  for (const id of [scid, other]) await take(announcement('a', 'b', id));
  await take(update('a', 'b', scid));
  await messages.flush();
  const late = [update('b', 'a', scid, {}, NOW + 1), update('a', 'b', other, {}, NOW + 2)];
  during = async () => {
    state.isFull = true;
    for (const raw of late) await take(raw);
    await over.messages.flush();
  };
  expect(
    await messages.compact(
      () => true,
      (to) => graph.moveMessages(to),
    ),
  ).toBe(true);
  state.isFull = false;
  const then = update('b', 'a', other, {}, NOW + 3);
  await take(then);
  await messages.flush();
  const policies = [scid, other].flatMap((id) => [graph.rawPolicy(id, 0), graph.rawPolicy(id, 1)]);
  const told = policies.flatMap((raw) => (raw === undefined ? [] : [hex(raw)])).sort();
  expect(told).toEqual([update('a', 'b', scid), then].map(hex).sort());
  // Nor is it after a restart.
  const again = (await graphOn(over.disk)).graph;
  expect([again.rawPolicy(scid, 0), again.rawPolicy(scid, 1)].filter((raw) => raw !== undefined)).toHaveLength(1);
});
