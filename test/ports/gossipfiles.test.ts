/** One suite for every implementation of the files of gossip. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { GossipFiles, GrowingFile } from '../../node/ports/ports.ts';
import { gossipFilesAt, gossipFilesInMemory, type MemoryDisk } from '../../node/store/gossipfiles.ts';
import { text, utf8 } from '../../wire/bytes.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** What makes the files of one place, again and again. */
const kinds: Record<string, () => Promise<() => GossipFiles>> = {
  memory: async () => {
    const disk: MemoryDisk = new Map();
    return () => gossipFilesInMemory(disk);
  },
  disk: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ampere-gossip-'));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    return () => gossipFilesAt(join(folder, 'gossip'));
  },
};

const closing = (file: GrowingFile): GrowingFile => {
  cleanups.push(() => file.close().catch(() => undefined));
  return file;
};
const contents = (file: GrowingFile): string => {
  const bytes = new Uint8Array(100);
  return text(bytes.subarray(0, file.read(0, bytes)));
};

describe.each(Object.entries(kinds))('files of gossip in %s', (_, make) => {
  test('are empty at first, and hold what was written when they are opened again', async () => {
    const place = await make();
    const first = closing(await place().open());
    expect(first.size).toBe(0);
    await first.write(0, utf8('hello'));
    await first.write(3, utf8('p me'));
    await first.sync();
    await first.close();
    const again = closing(await place().open());
    expect([again.size, contents(again)]).toEqual([7, 'help me']);
  });

  test('are read anywhere, as far as there is something', async () => {
    const file = closing(await (await make())().open());
    await file.write(0, utf8('0123456789'));
    const bytes = new Uint8Array(4);
    expect([file.read(2, bytes), text(bytes)]).toEqual([4, '2345']);
    expect(file.read(8, bytes)).toBe(2);
    expect(file.read(10, bytes)).toBe(0);
    expect(file.read(99, bytes)).toBe(0);
  });

  test('can be cut, and go on growing', async () => {
    const file = closing(await (await make())().open());
    await file.write(0, utf8('0123456789'));
    await file.truncate(4);
    expect(contents(file)).toBe('0123');
    await file.write(4, utf8('!'));
    expect(contents(file)).toBe('0123!');
  });

  test('are exchanged for another, while the first can still be read', async () => {
    const place = await make();
    const files = place();
    const old = closing(await files.open());
    await old.write(0, utf8('old'));
    const next = closing(await files.create());
    await next.write(0, utf8('new'));
    await files.replace();
    expect([contents(old), contents(next)]).toEqual(['old', 'new']);
    expect(contents(closing(await place().open()))).toBe('new');
  });

  test('forget another that never took its place', async () => {
    const place = await make();
    const files = place();
    await closing(await files.open()).write(0, utf8('old'));
    await closing(await files.create()).write(0, utf8('unfinished'));
    const after = place();
    expect(contents(closing(await after.open()))).toBe('old');
    await expect(after.replace()).rejects.toThrow();
  });

  test('can be set aside for new ones', async () => {
    const place = await make();
    const files = place();
    await closing(await files.open()).write(0, utf8('strange'));
    expect(await files.setAside()).toMatch(/gossip\.set-aside$/);
    expect(closing(await files.open()).size).toBe(0);
  });
});
