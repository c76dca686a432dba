/** The file of gossip: what is damaged costs itself alone, what is of no use goes, and a disk that refuses costs gossip alone. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyChainEvent } from '../../node/graph/chainevents.ts';
import { RETRY_MS } from '../../node/graph/gossiplog.ts';
import { HEADER } from '../../node/graph/gossiprecords.ts';
import type { Graph } from '../../node/graph/graph.ts';
import { TIDY_MS } from '../../node/graph/persist.ts';
import type { GossipFiles, GrowingFile } from '../../node/ports/ports.ts';
import { gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { hex, u32be, utf8 } from '../../wire/bytes.ts';
import { type ShortChannelId, scidOf } from '../../wire/units.ts';
import {
  announcedOf,
  announcement,
  type GraphDisk,
  graphOn,
  NOW,
  nodeAnnouncement,
  reloaded,
  storedGossipOver,
  TIP,
  update,
} from '../support/graph.ts';

const ids = [1, 2, 3, 4].map((n) => scidOf(100 + n, 1, 0));
const [first, second, third] = ids as [ShortChannelId, ShortChannelId, ShortChannelId];
const channels = ids.map((id) => announcedOf('a', 'b', id));

/** All that a graph would tell others. */
const said = (graph: Graph): readonly string[] => {
  const ofChannels = graph
    .between(0, Number.MAX_SAFE_INTEGER)
    .flatMap((id) => [graph.rawChannel(id), graph.rawPolicy(id, 0), graph.rawPolicy(id, 1)]);
  const ofNodes = [...graph.nodes].map(({ id }) => graph.rawNode(id));
  return [...ofChannels, ...ofNodes].map((raw) => (raw === undefined ? 'none' : hex(raw)));
};
const scids = (graph: Graph) => graph.between(0, Number.MAX_SAFE_INTEGER);

/** A stored graph of four channels with policies, and nodes. */
const stored = async (files?: GossipFiles) => {
  const parts = await storedGossipOver(channels, files);
  for (const id of ids) {
    await parts.take(announcement('a', 'b', id));
    await parts.take(update('a', 'b', id));
  }
  await parts.take(nodeAnnouncement('a'));
  await parts.take(nodeAnnouncement('b'));
  await parts.messages.flush();
  return parts;
};
/** The same place, with other bytes in the file. */
const withBytes = (bytes: Uint8Array): GraphDisk => ({
  store: memoryStore(),
  gossip: new Map([['gossip', { bytes, length: bytes.length }]]),
});
const bytesOf = (disk: MemoryDisk): Uint8Array => {
  const file = disk.get('gossip');
  return file === undefined ? new Uint8Array(0) : file.bytes.slice(0, file.length);
};

/** Files whose writes fail while `isFull`. */
const smallDisk = () => {
  const gossip: MemoryDisk = new Map();
  const kept = gossipFilesInMemory(gossip);
  const state = { isFull: false };
  const limited = (file: GrowingFile): GrowingFile => ({
    ...file,
    write: async (at, bytes) => {
      if (!state.isFull) return file.write(at, bytes);
      await file.write(at, bytes.subarray(0, bytes.length >> 1));
      throw Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 });
    },
  });
  const files: GossipFiles = {
    ...kept,
    open: async () => limited(await kept.open()),
    create: async () => limited(await kept.create()),
  };
  return { files, state, gossip };
};

describe('a file of gossip', () => {
  test('that is cut anywhere gives what was whole before the cut, and can be added to', async () => {
    const { disk, graph } = await stored();
    const whole = bytesOf(disk.gossip);
    let known = -1;
    for (let end = HEADER; end <= whole.length; end += end > whole.length - 320 ? 1 : 61) {
      const cut = withBytes(whole.slice(0, end));
      const { graph: again, messages } = await graphOn(cut);
      const all = said(again).filter((one) => one !== 'none');
      expect(all.length).toBeGreaterThanOrEqual(known);
      known = all.length;
      for (const one of all) expect(said(graph)).toContain(one);
      // Nothing is left behind the cut that would spoil what comes next.
      expect(messages.end).toBeLessThanOrEqual(end);
      await messages.flush();
    }
    expect(known).toBe(10);
  });

  test('in which bytes are changed loses the records in which they are, and nothing else', async () => {
    const { disk, graph } = await stored();
    const whole = bytesOf(disk.gossip);
    const before = said(graph);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: HEADER, max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const again = await reloaded(withBytes(whole.map((byte, i) => (i === at ? byte ^ by : byte))));
          const found = said(again).filter((one) => one !== 'none');
          for (const one of found) expect(before).toContain(one);
          // Without its channel_announcement a channel is not there, nor what belongs to it: at most three messages of ten.
          expect(found.length).toBeGreaterThanOrEqual(7);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('with whatever behind its end begins there again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (tail) => {
        const { disk, graph } = await stored();
        const whole = bytesOf(disk.gossip);
        const bytes = new Uint8Array(whole.length + tail.length);
        bytes.set(whole);
        bytes.set(tail, whole.length);
        expect(said(await reloaded(withBytes(bytes)))).toEqual(said(graph));
      }),
      { numRuns: 10 },
    );
  });

  test.each([
    ['that is none', (bytes: Uint8Array) => bytes.fill(0x61, 0, 13)],
    ['of a newer version', (bytes: Uint8Array) => bytes.fill(9, 13, 14)],
    ['of another chain', (bytes: Uint8Array) => bytes.fill(9, 20, 21)],
  ])('%s is set aside, and a new one is begun', async (_, spoil) => {
    const { disk } = await stored();
    const strange = withBytes(spoil(bytesOf(disk.gossip)));
    const lines: string[] = [];
    const { log } = await storedGossipOver([]);
    const { graph } = await graphOn(strange, { log: { ...log, warn: (_fields, line) => void lines.push(line) } });
    expect(graph.size.channels).toBe(0);
    expect([...strange.gossip.keys()].sort()).toEqual(['gossip', 'gossip.set-aside']);
    expect(lines).toEqual([expect.stringContaining('was set aside')]);
  });

  test('whose header a crash cut off is begun again', async () => {
    const { disk } = await stored();
    for (const begun of [bytesOf(disk.gossip).slice(0, HEADER), new Uint8Array(HEADER)])
      for (const length of [0, 1, 30, HEADER - 1]) {
        const torn = withBytes(begun.slice(0, length));
        const { graph, messages } = await graphOn(torn);
        expect([graph.size.channels, messages.end, [...torn.gossip.keys()]]).toEqual([0, HEADER, ['gossip']]);
      }
  });

  test('that is shorter than a header and no beginning of one is set aside as it is', async () => {
    const { disk } = await stored();
    const otherChain = bytesOf(disk.gossip).slice(0, 30).fill(9, 20, 21);
    for (const strange of [utf8('n'), utf8('notes of mine'), otherChain]) {
      const place = withBytes(strange.slice());
      await graphOn(place);
      const aside = place.gossip.get('gossip.set-aside');
      expect(aside?.bytes.slice(0, aside.length)).toEqual(strange);
    }
  });
});

describe('a file of which much is no longer of use', () => {
  test('is written anew with what the graph has, which can be read at once and after a restart', async () => {
    const { disk, graph, messages, saved, take, pass } = await stored();
    for (let i = 1; i <= 9; i++) for (const id of ids) await take(update('a', 'b', id, {}, NOW + i), 'stranger');
    graph.removeChannel(second);
    const before = said(graph);
    await messages.flush();
    const size = messages.end;
    const isNew = await messages.compact(
      (record) => record.kind !== 4 && [...positions(graph)].includes(record.position),
      (to) => graph.moveMessages(to),
    );
    expect(isNew).toBe(true);
    expect(messages.end).toBeLessThan(size / 2);
    expect(said(graph)).toEqual(before);
    expect(said(await reloaded(disk))).toEqual(before);
    await take(update('b', 'a', first));
    await pass();
    await saved.close();
    expect(said(await reloaded(disk))).toHaveLength(before.length);
  });

  test('has what came and what went while it was written anew', async () => {
    const { disk, graph, messages, take } = await stored();
    const compacting = messages.compact(
      (record) => [...positions(graph)].includes(record.position),
      (to) => graph.moveMessages(to),
    );
    await take(update('b', 'a', first));
    await new Promise(setImmediate);
    graph.removeChannel(third);
    await take(update('a', 'b', second, {}, NOW + 5));
    expect(await compacting).toBe(true);
    await take(update('b', 'a', second));
    await messages.flush();
    expect(said(graph)).not.toContain(undefined);
    const again = await reloaded(disk);
    expect(scids(again)).toEqual(ids.filter((id) => id !== third));
    expect(said(again)).toEqual(said(graph));
  });

  test.each(['create', 'replace'] as const)('is there whole where the process ends before its %s', async (step) => {
    const gossip: MemoryDisk = new Map();
    const kept = gossipFilesInMemory(gossip);
    const dies = () => Promise.reject(new Error('gone'));
    const { graph, messages, store } = await stored({ ...kept, [step]: dies });
    const isNew = await messages.compact(
      () => true,
      () => undefined,
    );
    expect(isNew).toBe(false);
    expect(said(await reloaded({ store, gossip }))).toEqual(said(graph));
  });

  test('is the new one where the process ends right after they were exchanged', async () => {
    const { disk, graph, messages } = await stored();
    const before = said(graph);
    const never = messages.compact(
      (record) => [...positions(graph)].includes(record.position),
      () => {
        throw new Error('the process ends');
      },
    );
    await expect(never).rejects.toThrow('the process ends');
    expect(said(await reloaded(disk))).toEqual(before);
  });

  test('is left alone while it is small', async () => {
    const { messages, pass } = await stored();
    const { end } = messages;
    await pass(TIDY_MS);
    expect(messages.end).toBe(end);
  });
});

/** Where the messages of a graph lie. */
function* positions(graph: Graph): Generator<number> {
  for (const id of scids(graph))
    yield* [graph.channelPosition(id), graph.channelPosition(id, 0), graph.channelPosition(id, 1)];
  for (const { id } of graph.nodes) yield graph.nodePosition(id);
}

describe('a disk that is full', () => {
  test('costs what is not stored, is told once, and is written to again', async () => {
    const { files, state, gossip } = smallDisk();
    const { graph, store, take, messages, pass, log } = await stored(files);
    state.isFull = true;
    await take(update('b', 'a', first));
    await messages.flush();
    await take(update('b', 'a', second));
    expect(graph.channel(first)?.policies).not.toContain(undefined);
    expect([graph.rawPolicy(first, 0), graph.rawPolicy(first, 1)]).toContain(undefined);
    await pass(RETRY_MS);
    await take(update('b', 'a', first, {}, NOW + 1));
    await messages.flush();
    state.isFull = false;
    await pass(RETRY_MS);
    await take(update('b', 'a', first, {}, NOW + 2));
    await messages.flush();
    expect([graph.rawPolicy(first, 0), graph.rawPolicy(first, 1)]).not.toContain(undefined);
    const lines = log.lines.filter((line) => JSON.stringify(line).includes('gossip is'));
    expect(lines.map((line) => /gossip is \w+ \w+/.exec(JSON.stringify(line))?.[0])).toEqual([
      'gossip is not stored',
      'gossip is still not',
      'gossip is stored again',
    ]);
    const again = await reloaded({ store, gossip });
    expect(said(again)).toEqual(said(graph));
  });

  test('keeps the store saying which channels are gone, until the file says so', async () => {
    const { files, state, gossip } = smallDisk();
    const { graph, store, saved, messages, pass } = await stored(files);
    const goneIn = async () => {
      const found: string[] = [];
      for await (const [name] of store.entries('graph/gone/')) found.push(name);
      return found.length;
    };
    state.isFull = true;
    graph.removeChannel(first);
    await store.commit(saved.removed(first));
    await saved.tidy();
    expect(await goneIn()).toBe(1);
    // The file was not told, and the channel is gone all the same.
    expect(scids(await reloaded({ store, gossip }))).toEqual(ids.slice(1));
    state.isFull = false;
    await pass(RETRY_MS);
    await saved.tidy();
    await messages.flush();
    expect(await goneIn()).toBe(0);
    expect(scids(await reloaded({ store, gossip }))).toEqual(ids.slice(1));
  });
});

describe('channels that may have been closed unnoticed', () => {
  const loaded = async (disk: GraphDisk) => (await graphOn(disk)).saved;
  const following = (height: number) => ({
    key: `chain/block/${`${height}`.padStart(10, '0')}`,
    value: new Uint8Array(32),
  });

  test('are looked up where the file was damaged, at each start until that is done', async () => {
    const { disk } = await stored();
    const torn = withBytes(bytesOf(disk.gossip).slice(0, -1));
    expect((await loaded(torn)).isUnsure).toBe(true);
    const again = await loaded(torn);
    expect(again.isUnsure).toBe(true);
    await again.sure(TIP);
    await torn.store.commit([following(TIP)]);
    expect(again.isUnsure).toBe(false);
    expect((await loaded(torn)).isUnsure).toBe(false);
  });

  test('are looked up where the file is older than the store', async () => {
    const { disk, graph, saved, messages, store } = await stored();
    const block = { height: TIP + 1, transactions: [], time: NOW, hash: '', previous: '' };
    await store.commit([...applyChainEvent(graph, saved, { event: 'connected', block }), following(TIP + 1)]);
    await messages.flush();
    expect((await loaded(disk)).isUnsure).toBe(false);
    await store.commit([following(TIP + 50)]);
    expect((await loaded(disk)).isUnsure).toBe(true);
  });

  test('are none in a new file', async () => {
    const store = memoryStore();
    await store.commit([following(TIP)]);
    expect((await loaded({ store, gossip: new Map() })).isUnsure).toBe(false);
  });

  test('that a block spent right before a crash are spent, though the file knows nothing of it', async () => {
    const { disk, saved, store } = await stored();
    await store.commit([saved.spent(first, TIP), { key: 'graph/spent/00000000000000aa', value: u32be(TIP) }]);
    const again = await reloaded(disk);
    expect([...again.spends]).toEqual([[first, TIP]]);
    expect(await store.get('graph/spent/00000000000000aa')).toBeUndefined();
  });
});
