/** What payments taught, kept for those that follow: bounded, on disk in batches, listed and forgotten. */
import { describe, expect, test } from 'vitest';
import type { PaymentEvent } from '../../amp/events.ts';
import { COUNTS_FOR } from '../../amp/knowledge.ts';
import type { Route } from '../../amp/route.ts';
import { forgetknowledge } from '../../node/api/methods/payments/forgetknowledge.ts';
import { listknowledge } from '../../node/api/methods/payments/listknowledge.ts';
import { Knowledge } from '../../node/pay/knowledge.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { hex, zeros } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { msat, scidText } from '../../wire/units.ts';
import { scid } from '../amp/byhand.ts';
import { nodeOf } from '../amp/payer.ts';
import { secretOf } from '../amp/receiver.ts';
import { patient } from '../support/api.ts';
import { collect } from '../support/counting.ts';

/** Knowledge over a disk, with a clock that a test sets and the changes that it wrote. */
const opened = async (disk = new Map<string, Uint8Array>(), most?: number) => {
  const store = memoryStore(disk);
  const time = { now: 1_700_000_000 };
  const written: (readonly Change[])[] = [];
  const knowledge = await Knowledge.load({
    store,
    save: (changes) => {
      if (changes.length > 0) written.push(changes);
      void store.commit(changes);
    },
    now: () => time.now,
    ...(most !== undefined && { most }),
  });
  return { knowledge, disk, time, written, onDisk: () => store.commit([]) };
};

/** From us to node 1, and over channel `n` to node 2. */
const over = (n: number, amount = 1_000n): Route => [
  { node: nodeOf(1), scid: scid(1), amount: msat(amount + 1n), expiry: 500, tlvOnly: true },
  { node: nodeOf(2), scid: scid(n), amount: msat(amount), expiry: 490, tlvOnly: true },
];
const common = { payment: 'p', shard: 0, attempt: 0, paymentHash: secretOf(1).paymentHash };
const busy = (n: number, amount?: bigint): PaymentEvent => ({
  ...{ ...common, event: 'shard_failed', route: over(n, amount), hop: 0, failure: 'temporary_channel_failure' },
  detail: { name: 'temporary_channel_failure', channel_update: zeros(0) },
});
const claimed = (n: number, amount?: bigint): PaymentEvent => ({
  ...{ ...common, event: 'shard_fulfilled', route: over(n, amount), preimage: secretOf(1).preimage },
});
const from = hex(nodeOf(1));
const channels = (knowledge: Knowledge): readonly number[] =>
  [...knowledge.list()].map(({ scid: found }) => Number(found));

describe('knowledge of channels', () => {
  test('says between what its balance lies, and less so with time', async () => {
    const { knowledge, time } = await opened();
    const bounds = (n = 7, node = from) => knowledge.bounds(scid(n), node, 10_000_000);
    knowledge.take(busy(7, 2_000n));
    expect(bounds()).toEqual({ low: 0, high: expect.closeTo(2_000) });
    expect([bounds(7, hex(nodeOf(2))), bounds(8)]).toEqual([undefined, undefined]);
    knowledge.take(claimed(7, 500n));
    expect(bounds()).toEqual({ low: 500, high: expect.closeTo(2_000) });
    time.now += 3_600;
    expect(bounds()).toEqual({ low: 250, high: expect.closeTo(Math.sqrt(2_000 * 10_000_001)) });
    time.now += COUNTS_FOR;
    expect(bounds()).toEqual({ low: 0, high: 10_000_001 });
    knowledge.take(claimed(7, 3_000n));
    expect(bounds()).toEqual({ low: 3_000, high: 10_000_001 });
  });

  test('has at most so many directions, and those learnt about longest ago give way, also on disk', async () => {
    const { knowledge, disk, onDisk } = await opened(undefined, 3);
    for (const n of [11, 12, 13]) knowledge.take(busy(n));
    knowledge.take(busy(11));
    knowledge.write();
    knowledge.take(busy(14));
    knowledge.write();
    expect(channels(knowledge)).toEqual([13, 11, 14]);
    await onDisk();
    expect(disk.size).toBe(3);
  });

  test('is written once a minute, not with each failure, and at once where there is much', async () => {
    const { knowledge, time, written } = await opened();
    for (const n of [11, 12, 13]) {
      knowledge.take(busy(n));
      time.now += 1;
      knowledge.tick();
    }
    expect(written).toEqual([]);
    time.now += 60;
    knowledge.tick();
    expect(written.map((changes) => changes.length)).toEqual([3]);
    for (let n = 0; n < 1_500; n++) knowledge.take(busy(100 + n));
    knowledge.tick();
    expect(written.map((changes) => changes.length)).toEqual([3, 1_000]);
    time.now += 60;
    knowledge.tick();
    expect(written.map((changes) => changes.length)).toEqual([3, 1_000, 500]);
  });

  test('outlives a restart, in its order; what no longer counts does not', async () => {
    const before = await opened();
    before.knowledge.take(busy(12));
    before.time.now += 3_600;
    before.knowledge.take(busy(11, 2_000n));
    before.knowledge.take(claimed(13, 5n));
    before.knowledge.write();
    await before.onDisk();
    const after = await opened(before.disk);
    after.time.now = before.time.now;
    expect([...after.knowledge.list()]).toEqual([...before.knowledge.list()]);
    after.knowledge.take(busy(14));
    expect(channels(after.knowledge)).toEqual([12, 11, 13, 14]);

    after.time.now += COUNTS_FOR - 1_800;
    expect(channels(after.knowledge)).toEqual([11, 13, 14]);
    after.knowledge.tick();
    await after.onDisk();
    expect([...before.disk.keys()].some((key) => key.includes('000c/'))).toBe(false);
    expect(before.disk.size).toBe(3);
  });

  test('that a store of an earlier version has none of is empty', async () => {
    expect(channels((await opened()).knowledge)).toEqual([]);
  });
});

describe('listknowledge', () => {
  const rows = async (node: Awaited<ReturnType<typeof opened>>, given: object = {}) => {
    const parts = { knowledge: node.knowledge, now: () => node.time.now };
    const answer = await listknowledge.handler(parts, listknowledge.params.parse(given), patient);
    return collect(answer.directions as AsyncIterable<Record<string, unknown>>);
  };

  test('shows for each direction what it carried and what it did not, when, and how much that still counts', async () => {
    const node = await opened();
    node.knowledge.take(claimed(7, 500n));
    node.knowledge.take(busy(7, 1_000n));
    node.time.now += 3_600;
    const [source, destination] = [hex(nodeOf(1)), hex(nodeOf(2))];
    expect(await rows(node)).toEqual([
      {
        ...{ updated_index: 2, short_channel_id: scidText(scid(7)), direction: source < destination ? 0 : 1 },
        ...{ source, destination, carried_msat: 500n, carried_at: 1_700_000_000 },
        ...{ failed_msat: 1_000n, failed_at: 1_700_000_000, failed_weight_percent: 50 },
      },
    ]);
  });

  test('shows one channel, those of one node, or a page', async () => {
    const node = await opened();
    for (const n of [11, 12, 13]) node.knowledge.take(busy(n));
    const shown = async (given: object) => (await rows(node, given)).map(({ updated_index }) => updated_index);
    expect(await shown({ short_channel_id: scidText(scid(12)) })).toEqual([2]);
    expect(await shown({ id: hex(nodeOf(2)) })).toEqual([1, 2, 3]);
    expect(await shown({ id: hex(nodeOf(3)) })).toEqual([]);
    expect(await shown({ start: 2, limit: 1 })).toEqual([2]);
    expect(await shown({ limit: 0 })).toEqual([]);
  });

  test('ends also where payments teach more while it is read', async () => {
    const { knowledge } = await opened();
    for (const n of [11, 12, 13]) knowledge.take(busy(n));
    const seen: number[] = [];
    for (const { scid: found } of knowledge.list()) {
      seen.push(Number(found));
      knowledge.take(busy(Number(found)));
    }
    expect(seen).toEqual([11, 12, 13]);
  });
});

describe('forgetknowledge', () => {
  test.each([
    ['everything', {}, [], 3],
    ['one channel', { short_channel_id: scidText(scid(12)) }, [11, 13], 1],
    ['the channels of a node', { id: hex(nodeOf(1)) }, [], 3],
    ['nothing of a node that nothing is known of', { id: hex(nodeOf(3)) }, [11, 12, 13], 0],
  ])('forgets %s, on disk too', async (_, given, left, forgotten) => {
    const { knowledge, disk, onDisk } = await opened();
    for (const n of [11, 12, 13]) knowledge.take(busy(n));
    knowledge.write();
    const parts = { knowledge, gate: { allSaved: async () => onDisk() } };
    const answer = await forgetknowledge.handler(parts, forgetknowledge.params.parse(given), patient);
    expect(answer).toEqual({ forgotten });
    expect(channels(knowledge)).toEqual(left);
    expect(disk.size).toBe(left.length);
  });
});
