/** What is particular to our stores: group commit, what a store says about itself, and damage. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GroupCommit } from '../../node/store/groupcommit.ts';
import { levelStore } from '../../node/store/level.ts';
import { memoryStore } from '../../node/store/memory.ts';
import { prepareStore } from '../../node/store/open.ts';
import { changedRecords, loadRecords } from '../../node/store/records.ts';
import { u32be, utf8 } from '../../wire/bytes.ts';
import type { Change } from '../../wire/change.ts';
import { decode, u32 } from '../../wire/codec.ts';

const change = (key: string): Change => ({ key, value: utf8(key) });

/** A disk whose writes end when the test says so. */
const slowDisk = () => {
  const writes: { readonly keys: readonly string[]; readonly end: (error?: Error) => void }[] = [];
  const write = (changes: readonly Change[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const end = (error?: Error) => (error === undefined ? resolve() : reject(error));
      writes.push({ keys: changes.map(({ key }) => key), end });
    });
  return { writes, write };
};
const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('group commit', () => {
  test('commits made at the same moment share one write', async () => {
    const { writes, write } = slowDisk();
    const group = new GroupCommit(write);
    const commits = ['a', 'b', 'c'].map((key) => group.commit([change(key)]));
    await turn();
    expect(writes.map(({ keys }) => keys)).toEqual([['a', 'b', 'c']]);
    writes[0]?.end();
    await Promise.all(commits);
  });

  test('those who come while a write is under way gather for the next one', async () => {
    const { writes, write } = slowDisk();
    const group = new GroupCommit(write);
    const first = group.commit([change('a')]);
    await turn();
    let done = false;
    const later = Promise.all([group.commit([change('b')]), group.commit([change('c'), change('d')])]).then(() => {
      done = true;
    });
    await turn();
    expect(writes).toHaveLength(1);
    writes[0]?.end();
    await first;
    await turn();
    expect(done).toBe(false);
    expect(writes.map(({ keys }) => keys)).toEqual([['a'], ['b', 'c', 'd']]);
    writes[1]?.end();
    await later;
  });

  test('a failed write fails everyone who shared it, those who waited, and all who come later', async () => {
    const { writes, write } = slowDisk();
    const group = new GroupCommit(write);
    const failed = expect(Promise.allSettled([group.commit([change('a')]), group.commit([change('b')])])).resolves;
    await turn();
    const waiting = group.commit([change('c')]).catch((error: unknown) => error);
    writes[0]?.end(new Error('no space left'));
    await failed.toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    const fault = { code: 'write_failed', reason: 'no space left' };
    expect(await waiting).toMatchObject({ fault });
    await expect(group.commit([change('d')])).rejects.toMatchObject({ fault });
    expect(writes).toHaveLength(1);
  });
});

describe('what a store says about itself', () => {
  test('a new store is marked and then accepted again', async () => {
    const store = memoryStore();
    await prepareStore(store, 'regtest');
    await expect(prepareStore(store, 'regtest')).resolves.toBeUndefined();
  });

  test('a store of another network is refused, naming both', async () => {
    const store = memoryStore();
    await prepareStore(store, 'regtest');
    await expect(prepareStore(store, 'bitcoin')).rejects.toThrow('belongs to a node on regtest, not on bitcoin');
  });

  test('a store of a newer schema is refused and left as it is', async () => {
    const records = new Map<string, Uint8Array>();
    await prepareStore(memoryStore(records), 'regtest', [async () => [], async () => []]);
    const before = new Map(records);
    await expect(prepareStore(memoryStore(records), 'regtest', [])).rejects.toMatchObject({
      fault: { code: 'newer_schema', found: 2, supported: 0 },
    });
    expect(records).toEqual(before);
  });

  test('an older one is brought forward one schema at a time, each only once', async () => {
    const store = memoryStore();
    await prepareStore(store, 'regtest', []);
    const steps = ['one', 'two'].map((key) => async () => [change(key)]);
    await prepareStore(store, 'regtest', steps.slice(0, 1));
    await store.commit([{ key: 'one', value: undefined }]);
    await prepareStore(store, 'regtest', steps);
    expect(await store.get('one')).toBeUndefined();
    expect(await store.get('two')).toBeDefined();
  });

  test('a damaged mark is named', async () => {
    const store = memoryStore(new Map([['meta/schema', utf8('x')]]));
    await expect(prepareStore(store, 'regtest')).rejects.toMatchObject({
      fault: { code: 'corrupt', key: 'meta/schema' },
    });
  });
});

describe('records', () => {
  const read = (record: Uint8Array): number => decode(u32, record);

  test('a damaged record is named by its key', async () => {
    const store = memoryStore(
      new Map([
        ['over/1', u32be(7)],
        ['over/2', utf8('bad')],
      ]),
    );
    await expect(loadRecords(store, 'over/', read)).rejects.toMatchObject({
      fault: { code: 'corrupt', key: 'over/2' },
    });
  });

  test('only what changed is written', async () => {
    const before = new Map([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    const after = new Map([
      ['a', 1],
      ['b', 5],
      ['d', 4],
    ]);
    const changes = changedRecords('over/', before, after, u32be);
    expect(changes).toEqual([
      { key: 'over/c', value: undefined },
      { key: 'over/b', value: u32be(5) },
      { key: 'over/d', value: u32be(4) },
    ]);
    expect(changedRecords('over/', after, after, u32be)).toEqual([]);
  });
});

describe('level files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ampere-level-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('a store in use is refused to others, in words that say so', async () => {
    const path = join(folder, 'locked');
    const store = await levelStore(path);
    await expect(levelStore(path)).rejects.toThrow(/another process is using .*locked; is this node already running/);
    await store.close();
    await (await levelStore(path)).close();
  });

  test('files that are not a store are an error, not a crash', async () => {
    const path = join(folder, 'damaged');
    const store = await levelStore(path);
    await store.commit([change('a')]);
    await store.close();
    const manifest = (await readdir(path)).find((name) => name.startsWith('MANIFEST'));
    await writeFile(join(path, manifest ?? 'MANIFEST'), 'not a manifest');
    await expect(levelStore(path)).rejects.toMatchObject({ fault: { code: 'corrupt_files' } });
  });

  test('a folder that cannot be made is an error that names it', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(levelStore(join(folder, 'file', 'store'))).rejects.toMatchObject({ fault: { code: 'cannot_open' } });
  });
});
