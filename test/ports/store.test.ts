/** One suite for every implementation of the Store port. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Store } from '../../node/ports/ports.ts';
import { levelStore } from '../../node/store/level.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { within } from '../../node/store/space.ts';
import { text, utf8 } from '../../wire/bytes.ts';

/** A disk that stores can be opened on, one after the other. */
interface Disk {
  open(): Promise<Store>;
  clean(): Promise<void>;
}

const kinds: Record<string, () => Promise<Disk>> = {
  memory: async () => {
    const records = new Map<string, Uint8Array>();
    return { open: async () => memoryStore(records), clean: async () => undefined };
  },
  level: async () => {
    const path = await mkdtemp(join(tmpdir(), 'ampere-store-'));
    return { open: () => levelStore(path), clean: () => rm(path, { recursive: true, force: true }) };
  },
};

const put = (key: string, value: string) => ({ key, value: utf8(value) });
const all = async (store: Store, prefix: string, after?: string): Promise<[string, string][]> => {
  const out: [string, string][] = [];
  for await (const [key, value] of store.entries(prefix, after)) out.push([key, text(value)]);
  return out;
};

describe.each(Object.entries(kinds))('store in %s', (_, make) => {
  const cleanups: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const disk = async (): Promise<Disk> => {
    const made = await make();
    cleanups.push(() => made.clean());
    return made;
  };
  const opened = async (on?: Disk): Promise<Store> => {
    const store = await (on ?? (await disk())).open();
    cleanups.push(() => store.close());
    return store;
  };

  test('gives back what was committed, and undefined for what was not', async () => {
    const store = await opened();
    await store.commit([put('a', '1'), { key: 'b', value: new Uint8Array() }]);
    expect(text((await store.get('a')) ?? new Uint8Array())).toBe('1');
    expect(await store.get('b')).toHaveLength(0);
    expect(await store.get('c')).toBeUndefined();
  });

  test('finds the last key of a prefix', async () => {
    const store = await opened();
    await store.commit([put('pay/1', ''), put('pay/2', ''), put('pay/9', ''), put('b/3', ''), put('pay', '')]);
    await store.commit([{ key: 'pay/9', value: undefined }]);
    expect(await store.last('pay/')).toBe('pay/2');
    expect(await store.last('c')).toBeUndefined();
    expect(await within(store, 'pay/').last('')).toBe('2');
  });

  test('keeps what was committed across closing and opening', async () => {
    const place = await disk();
    const first = await opened(place);
    await first.commit([put('a', '1'), put('b', '2')]);
    await first.commit([{ key: 'a', value: undefined }]);
    await first.close();
    expect(await all(await opened(place), '')).toEqual([['b', '2']]);
  });

  test('applies changes in order, also within one commit and between commits that share a write', async () => {
    const store = await opened();
    await Promise.all([
      store.commit([put('k', '1'), { key: 'k', value: undefined }, put('k', '2')]),
      store.commit([put('l', '1')]),
      store.commit([{ key: 'l', value: undefined }, put('k', '3')]),
    ]);
    expect(await all(store, '')).toEqual([['k', '3']]);
  });

  test('lists a prefix in key order and nothing beside it', async () => {
    const store = await opened();
    await store.commit(['a', 'a/2', 'a/10', 'a/1', 'a0', 'b/1', 'a/~'].map((key) => put(key, key)));
    expect((await all(store, 'a/')).map(([key]) => key)).toEqual(['a/1', 'a/10', 'a/2', 'a/~']);
    expect((await all(store, 'a/', 'a/10')).map(([key]) => key)).toEqual(['a/2', 'a/~']);
    expect((await all(store, 'a/', 'a')).map(([key]) => key)).toEqual(['a/1', 'a/10', 'a/2', 'a/~']);
    expect(await all(store, 'a/', 'b')).toEqual([]);
    expect(await all(store, 'c')).toEqual([]);
  });

  test('does not notice when a caller changes bytes it has committed', async () => {
    const store = await opened();
    const value = utf8('before');
    await store.commit([{ key: 'k', value }]);
    value.fill(0);
    expect(await all(store, 'k')).toEqual([['k', 'before']]);
  });

  test('refuses commits after closing', async () => {
    const store = await opened();
    await store.close();
    await expect(store.commit([put('k', '1')])).rejects.toMatchObject({ fault: { code: 'closed' } });
    await expect(store.get('k')).rejects.toMatchObject({ fault: { code: 'closed' } });
  });

  test('finishes what was committed before closing', async () => {
    const place = await disk();
    const store = await opened(place);
    const commits = [store.commit([put('a', '1')]), store.commit([put('b', '2')])];
    await store.close();
    await Promise.all(commits);
    expect(await all(await opened(place), '')).toHaveLength(2);
  });

  test('a part of it sees its own keys alone', async () => {
    const store = await opened();
    const part = within(store, 'pay/');
    await store.commit([put('pay', '0'), put('pay/a', '1'), put('other/a', '2')]);
    await part.commit([put('b', '3'), put('c/1', '4')]);
    expect(await all(part, '')).toEqual([
      ['a', '1'],
      ['b', '3'],
      ['c/1', '4'],
    ]);
    expect(await all(part, '', 'a')).toEqual([
      ['b', '3'],
      ['c/1', '4'],
    ]);
    expect(await all(part, 'c/')).toEqual([['c/1', '4']]);
    expect(text((await part.get('a')) ?? new Uint8Array())).toBe('1');
    await part.close();
    expect(await all(store, 'pay/b')).toEqual([['pay/b', '3']]);
  });

  test('holds what a map would hold after any commits', async () => {
    const store = await opened();
    const key = fc.stringMatching(/^[a-c/]{1,3}$/);
    const change = fc.record({ key, value: fc.option(fc.uint8Array({ maxLength: 4 }), { nil: undefined }) });
    const model = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 4 }), async (commits) => {
        for (const { key: name, value } of commits.flat()) {
          if (value === undefined) model.delete(name);
          else model.set(name, String(value));
        }
        await Promise.all(commits.map((changes) => store.commit(changes)));
        const found = new Map<string, string>();
        for await (const [name, value] of store.entries('')) found.set(name, String(value));
        expect([...found]).toEqual([...model].sort(([a], [b]) => (a < b ? -1 : 1)));
      }),
      { numRuns: 50 },
    );
  });
});
