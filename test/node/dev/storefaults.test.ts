/** Saves that are the last before a power cut, that wait, that fail; and a store that is itself while nothing is asked. */
import { describe, expect, test } from 'vitest';
import { savePoint } from '../../../node/config/devrules.ts';
import { type SaveAction, StoreFaults } from '../../../node/dev/storefaults.ts';
import type { Store } from '../../../node/ports/ports.ts';
import { memoryStore } from '../../../node/store/memory.ts';
import type { Change } from '../../../wire/change.ts';
import { memoryLog } from '../../support/peers.ts';

class Dead extends Error {}

const make = (...rules: readonly (readonly [text: string, action: SaveAction])[]) => {
  const disk = new Map<string, Uint8Array>();
  const writes: (readonly string[])[] = [];
  const timers: { readonly ms: number; run(): void }[] = [];
  const die = () => {
    throw new Dead();
  };
  const clock = {
    now: () => 0,
    after: (ms: number, run: () => void) => {
      timers.push({ ms, run });
      return () => undefined;
    },
  };
  const saves = new StoreFaults(
    { log: memoryLog(), clock, die },
    rules.map(([text, action]) => ({ point: savePoint(text), action })),
  );
  const store = saves.wrap(memoryStore(disk, async (changes) => void writes.push(changes.map(({ key }) => key))));
  return { disk, writes, timers, saves, store };
};
const change = (key: string): Change => ({ key, value: new Uint8Array(1) });
/** Commits at the same moment: 'kept', or why not. */
const commitAll = (store: Store, ...keys: readonly string[]) =>
  Promise.all(
    keys.map((key) =>
      store.commit([change(key)]).then(
        () => 'kept',
        (error: Error) => (error instanceof Dead ? 'dead' : error.message),
      ),
    ),
  );
const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

test('without anything to watch for, commits still share a write', async () => {
  const { store, writes } = make();
  expect(await commitAll(store, 'a', 'b', 'c')).toEqual(['kept', 'kept', 'kept']);
  expect(writes).toEqual([['a', 'b', 'c']]);
});

describe('a power cut', () => {
  test('before a save leaves all that came earlier, and not the save', async () => {
    const { store, disk, writes } = make(['b', { do: 'die', when: 'before' }]);
    expect((await commitAll(store, 'a', 'b')).slice(0, 2)).toEqual(['kept', 'dead']);
    expect([...disk.keys()]).toEqual(['a']);
    expect(writes).toEqual([['a']]);
  });
  test('after a save leaves it, and nobody has heard that it was made', async () => {
    const { store, disk } = make(['b', { do: 'die', when: 'after' }]);
    expect(await commitAll(store, 'a', 'b')).toEqual(['kept', 'dead']);
    expect([...disk.keys()]).toEqual(['a', 'b']);
  });
  test('at the n-th of its kind', async () => {
    const { store } = make(['b/*,c*2', { do: 'die', when: 'after' }]);
    const commit = (...keys: readonly string[]) => store.commit(keys.map(change));
    await commit('b/1', 'c');
    await commit('b/1');
    await expect(commit('c', 'x', 'b/2')).rejects.toThrow(Dead);
  });
});

describe('a held save', () => {
  test('keeps all later saves waiting too; they are written in order once released', async () => {
    const { store, writes, saves } = make(['b', { do: 'hold', milliseconds: undefined }]);
    const done = commitAll(store, 'a', 'b', 'c');
    await turns();
    expect(writes).toEqual([['a']]);
    expect(saves.waiting).toBe(2);
    saves.release();
    expect(await done).toEqual(['kept', 'kept', 'kept']);
    expect(writes).toEqual([['a'], ['b'], ['c']]);
    expect(saves.waiting).toBe(0);
  });
  test('waits for its time, where it has one', async () => {
    const { store, writes, timers } = make(['b', { do: 'hold', milliseconds: 1500 }]);
    const done = commitAll(store, 'b', 'c');
    await turns();
    expect([writes, timers.map(({ ms }) => ms)]).toEqual([[], [1500]]);
    timers[0]?.run();
    await done;
    expect(writes).toEqual([['b'], ['c']]);
  });
  test('can be asked for at once, and does not keep a store from closing', async () => {
    const { store, writes, saves } = make();
    saves.hold(undefined);
    const done = commitAll(store, 'a');
    await turns();
    expect(writes).toEqual([]);
    await store.close();
    expect(await done).toEqual(['kept']);
  });
});

test('a save that fails is the end of saving', async () => {
  const { store, disk } = make(['b', { do: 'fail' }]);
  const why = 'writing to the store failed, and it accepts no more writes: dev-fail-save says so';
  expect(await commitAll(store, 'a', 'b', 'c')).toEqual(['kept', why, why]);
  expect(await commitAll(store, 'd')).toEqual([why]);
  expect([...disk.keys()]).toEqual(['a']);
});

test('what is saved can be told, each commit with its keys', async () => {
  const { store, saves } = make();
  await commitAll(store, 'unseen');
  expect(saves.record(true)).toEqual([]);
  await store.commit([change('a'), { key: 'b', value: undefined }]);
  await commitAll(store, 'c');
  expect(saves.record(true)).toEqual([['a', 'b'], ['c']]);
  expect(saves.record(false)).toEqual([]);
  await commitAll(store, 'unseen');
  expect(saves.record(false)).toEqual([]);
});
