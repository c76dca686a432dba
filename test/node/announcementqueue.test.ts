/** Announcements of one peer, in order and in batches. */
import { describe, expect, test } from 'vitest';
import { AnnouncementQueue, type AnnouncementQueueParts, MOST_TOGETHER } from '../../node/core/announcementqueue.ts';
import type { ReceivedAnnouncement } from '../../node/graph/signaturebatch.ts';
import { eventually } from '../support/peers.ts';

/** Two batches, and a part of a third. */
const MANY = 2 * MOST_TOGETHER + 10;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const announcements = (count: number, bytes = 100): ReceivedAnnouncement[] =>
  Array.from({ length: count }, (_, i) => ({
    message: { name: 'node_announcement', number: i } as never,
    raw: new Uint8Array(bytes).fill(i),
  }));

const queueWith = (parts: Partial<AnnouncementQueueParts> = {}) => {
  const handled: number[] = [];
  const batches: number[] = [];
  const errors: unknown[] = [];
  const queue = new AnnouncementQueue({
    check: async (batch) => {
      batches.push(batch.length);
      return batch.map((_, at) => ({ isValid: at % 2 === 0 }));
    },
    handle: async ({ raw }) => {
      handled.push(raw[0] ?? -1);
      return true;
    },
    nextTurn: turn,
    onError: (error) => void errors.push(error),
    ...parts,
  });
  return { queue, handled, batches, errors };
};

describe('announcements of a peer', () => {
  test('are handled in order, each with what its check found, and those that came together are checked together', async () => {
    const seen: (readonly [number, boolean | undefined])[] = [];
    const { queue, batches } = queueWith({
      handle: async ({ raw }, verdict) => seen.push([raw[0] ?? -1, verdict?.isValid]) > 0,
    });
    for (const one of announcements(5)) expect(queue.add(one)).toBeUndefined();
    await queue.handled;
    expect(batches).toEqual([5]);
    expect(seen).toEqual([0, 1, 2, 3, 4].map((at) => [at, at % 2 === 0]));
  });

  test('are checked while those before them are handled', async () => {
    const said: string[] = [];
    const { queue } = queueWith({
      check: async (batch) => {
        said.push(`check ${batch.length}`);
        return [];
      },
      handle: async ({ raw }) => said.push(`handle ${raw[0]}`) > 0,
    });
    for (const one of announcements(MOST_TOGETHER + 1)) queue.add(one);
    await queue.handled;
    expect(said.slice(0, 3)).toEqual([`check ${MOST_TOGETHER}`, 'check 1', 'handle 0']);
  });

  test('are checked in several batches at once, while the first is not checked yet', async () => {
    const sizes: number[] = [];
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const { queue, handled } = queueWith({
      check: async (batch) => {
        sizes.push(batch.length);
        await held;
        return [];
      },
    });
    for (const one of announcements(MANY)) queue.add(one);
    await turn();
    await turn();
    expect(sizes).toEqual([MOST_TOGETHER, MOST_TOGETHER]);
    expect(handled).toEqual([]);
    letGo();
    await queue.handled;
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(MANY);
    expect(handled).toEqual(Array.from({ length: MANY }, (_, i) => i));
  });

  test('that come while the last one is being handled are handled, too', async () => {
    const { queue, handled } = queueWith();
    const [first, second, third] = announcements(3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few');
    queue.add(first);
    void queue.handled.then(() => queue.add(second));
    await eventually(() => handled.length === 2);
    queue.add(third);
    await eventually(() => handled.length === 3);
    expect(handled).toEqual([0, 1, 2]);
  });

  test('hold back their peer from 32 KiB on, until half of that is handled', async () => {
    const { queue, handled } = queueWith();
    const holds = announcements(70, 1024).map((one) => queue.add(one));
    expect(holds.filter(Boolean)).toHaveLength(70 - 31);
    await Promise.all(holds);
    expect(handled.length).toBeGreaterThanOrEqual(70 - 16);
    expect(handled.length).toBeLessThan(70);
    await queue.handled;
    expect(handled).toHaveLength(70);
  });

  test('behind one that is not valid are dropped, and so are those behind one that broke', async () => {
    for (const handle of [
      async () => false,
      async () => {
        throw new Error('broke');
      },
    ]) {
      let calls = 0;
      const counted = (): Promise<boolean> => {
        calls++;
        return handle();
      };
      const { queue, errors } = queueWith({ handle: counted });
      for (const one of announcements(4)) queue.add(one);
      await queue.handled;
      queue.add(announcements(1)[0] as ReceivedAnnouncement);
      await queue.handled;
      expect(calls).toBe(1);
      expect(errors.length).toBeLessThanOrEqual(1);
    }
  });

  test('are handled without a verdict where checking them together fails', async () => {
    const { queue, handled } = queueWith({ check: () => Promise.reject(new Error('no thread')) });
    for (const one of announcements(3)) queue.add(one);
    await queue.handled;
    expect(handled).toEqual([0, 1, 2]);
  });
});
