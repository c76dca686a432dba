/** The room on the store's disk: said once, in time, and unsaid when there is room again. */
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { Disk, type FreeSpace, freeSpaceAt, LOW_SPACE_BYTES } from '../../node/base/disk.ts';
import { memoryLog } from '../support/peers.ts';

const world = (room: FreeSpace) => {
  const state = { room, now: 0, asked: 0 };
  const lines: string[] = [];
  const disk = new Disk({
    folder: '/data/regtest',
    clock: { now: () => state.now },
    log: memoryLog(lines),
    room: async () => {
      state.asked++;
      return state.room;
    },
  });
  const later = (next: FreeSpace) => {
    state.room = next;
    state.now += 10_000;
    return disk.check();
  };
  return { state, lines, disk, later };
};
const files = 100_000;

test('a disk with room is not spoken of', async () => {
  const { lines, disk } = world({ bytes: LOW_SPACE_BYTES, files });
  await disk.check();
  expect([disk.warning, lines]).toEqual([undefined, []]);
});

test('little room is said once in the log, and as long as it lasts to callers', async () => {
  const { lines, disk, later } = world({ bytes: 100_000_000, files });
  await disk.check();
  expect(disk.warning).toMatch(/^100 MB left on the disk of \/data\/regtest: the node stops once it cannot save/);
  await later({ bytes: 99_000_000, files });
  // A little more than little is not enough yet.
  await later({ bytes: LOW_SPACE_BYTES + 1, files });
  expect(disk.warning).toBeDefined();
  expect(lines).toHaveLength(1);
  await later({ bytes: 2 * LOW_SPACE_BYTES, files });
  expect(disk.warning).toBeUndefined();
  expect(lines.at(-1)).toContain('there is enough free space on the disk again');
});

test('a disk that has bytes and no room for files is full, too', async () => {
  const { disk, later } = world({ bytes: 10 * LOW_SPACE_BYTES, files: 5 });
  await disk.check();
  expect(disk.warning).toContain('room for 5 more files left');
  await later({ bytes: 10 * LOW_SPACE_BYTES, files: undefined });
  expect(disk.warning).toBeUndefined();
});

test('however often it is to look, the disk is asked once in ten seconds, and once while it does not answer', async () => {
  const { state, disk, later } = world({ bytes: LOW_SPACE_BYTES, files });
  await disk.check();
  await disk.check();
  expect(state.asked).toBe(1);
  await later({ bytes: LOW_SPACE_BYTES, files });
  expect(state.asked).toBe(2);
  let asked = 0;
  const hanging = new Disk({
    folder: '/',
    clock: { now: () => state.now },
    log: memoryLog([]),
    room: () => {
      asked++;
      return new Promise<never>(() => undefined);
    },
  });
  void hanging.check();
  state.now += 60_000;
  void hanging.check();
  expect(asked).toBe(1);
});

test('a folder that cannot be asked about is no warning', async () => {
  const lines: string[] = [];
  const disk = new Disk({ folder: '/nowhere/at/all', clock: { now: () => 0 }, log: memoryLog(lines) });
  await disk.check();
  expect(disk.warning).toBeUndefined();
  expect((await freeSpaceAt(tmpdir())).bytes).toBeGreaterThan(0);
});
